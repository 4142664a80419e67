// The form that was turned away is sent again by itself. Without scripts, its button does it.
"use strict";

for (const form of document.querySelectorAll("form[data-again]")) {
  setTimeout(() => form.requestSubmit(), Number(form.dataset.again) * 1000);
}
