// Only comfort: copy buttons, live figures, and fresh payment codes.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const digits = source.dataset.part === "digits";
    const text = digits ? source.textContent.replaceAll(" ", "") : source.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = label; }, 1600);
    } catch {
      getSelection().selectAllChildren(source); // No clipboard outside a secure context: leave it selected.
    }
  });
}

const poll = (address, milliseconds, show) => {
  const ask = async () => {
    try {
      const answer = document.hidden ? null : await fetch(address, { headers: { accept: "application/json" } });
      if (answer?.ok) show(await answer.json());
    } catch {
      // Not reachable at the moment: ask again.
    }
    setTimeout(ask, milliseconds);
  };
  setTimeout(ask, milliseconds);
};

const setText = (element, text) => {
  if (element && element.textContent !== text) element.textContent = text;
};

const live = document.querySelector("[data-live]");
if (live) {
  poll(live.dataset.live, 2000, ({ figures, sparkline }) => {
    for (const [name, text] of Object.entries(figures)) setText(live.querySelector(`[data-figure="${name}"]`), text);
    live.querySelector(".sparkline-line").setAttribute("d", sparkline.line);
    live.querySelector(".sparkline-area").setAttribute("d", sparkline.area);
  });
}

const wallets = document.querySelector("[data-wallets]");
if (wallets) {
  const draw = (box, svg) => {
    const parsed = new DOMParser().parseFromString(svg, "text/html").body.firstElementChild;
    if (parsed) box.replaceChildren(parsed);
  };
  poll(wallets.dataset.wallets, 5000, ({ wallets: faces }) => {
    for (const face of faces) {
      const card = wallets.querySelector(`[data-wallet="${CSS.escape(face.user_id)}"]`);
      if (!card) continue;
      setText(card.querySelector('[data-part="balance"]'), face.balance);
      const digits = card.querySelector('[data-part="digits"]');
      if (digits.textContent === face.digits) continue;
      setText(digits, face.digits);
      draw(card.querySelector('[data-part="barcode"]'), face.barcode);
      draw(card.querySelector('[data-part="qr"]'), face.qr);
    }
  });
}
