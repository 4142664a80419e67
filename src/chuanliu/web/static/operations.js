// Only comfort: the screen stays live. Open tables stay open, and what is scrolled stays where it is.
"use strict";

const live = document.getElementById("live");

const keep = () => ({
  open: new Set([...live.querySelectorAll("details[open]")].map((each) => each.id)),
  scrolled: [...live.querySelectorAll(".grid-scroll")].map((each) => [each.scrollLeft, each.scrollTop]),
  focused: document.activeElement?.closest("details")?.id,
});

const show = (html) => {
  const kept = keep();
  const parsed = new DOMParser().parseFromString(html, "text/html");
  live.replaceChildren(...parsed.body.children);
  for (const each of live.querySelectorAll("details")) each.open = kept.open.has(each.id);
  live.querySelectorAll(".grid-scroll").forEach((each, number) => {
    const at = kept.scrolled[number];
    if (at) [each.scrollLeft, each.scrollTop] = at;
  });
  if (kept.focused) document.getElementById(kept.focused)?.querySelector("summary")?.focus({ preventScroll: true });
};

const ask = async () => {
  try {
    const answer = document.hidden ? null : await fetch(live.dataset.live, { headers: { accept: "text/html" } });
    if (answer?.ok) show(await answer.text());
    live.toggleAttribute("data-stale", Boolean(answer && !answer.ok));
  } catch {
    live.toggleAttribute("data-stale", true); // Not reachable at the moment: ask again.
  }
  setTimeout(ask, 2000);
};
setTimeout(ask, 2000);
