// Only comfort: the countdown ticks, a scanned payment shows by itself, the button says what it will do, and does
// nothing when it is pressed a second time.
"use strict";

const again = () => location.replace(document.querySelector("[data-page]").dataset.page);

for (const clock of document.querySelectorAll("[data-countdown]")) {
  const end = performance.now() + Number(clock.dataset.countdown) * 1000;
  const two = (n) => String(n).padStart(2, "0");
  const tick = () => {
    const left = Math.max(0, Math.round((end - performance.now()) / 1000));
    const [d, h, m, s] = [Math.floor(left / 86400), Math.floor(left / 3600) % 24, Math.floor(left / 60) % 60, left % 60];
    clock.textContent = d ? `${d}:${two(h)}:${two(m)}:${two(s)}` : h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
    if (left === 0) {
      clearInterval(timer);
      setTimeout(again, 1500);
    }
  };
  const timer = Number(clock.dataset.countdown) > 0 ? setInterval(tick, 1000) : 0;
}

for (const scan of document.querySelectorAll("[data-status]")) {
  const stage = scan.closest("[data-stage]").dataset.stage;
  const ask = async () => {
    try {
      const answer = await fetch(scan.dataset.status, { headers: { accept: "application/json" } });
      if (answer.ok && (await answer.json()).stage !== stage) {
        again();
        return;
      }
    } catch {
      // Not reachable at the moment: ask again.
    }
    setTimeout(ask, document.hidden ? 10000 : 2000);
  };
  setTimeout(ask, 2000);
}

const say = (form) => {
  const chosen = form.querySelector("[data-pay]:checked");
  if (chosen) form.querySelector("button").textContent = chosen.dataset.pay;
};

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("change", () => say(form));
  form.addEventListener("submit", (event) => {
    if (form.dataset.once === "sent") event.preventDefault();
    form.dataset.once = "sent";
    form.querySelector("button").setAttribute("aria-busy", "true");
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.dataset.once = "";
    say(form);
    form.querySelector("button").removeAttribute("aria-busy");
  }
});
