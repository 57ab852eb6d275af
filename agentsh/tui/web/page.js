"use strict";
// The keys go to the interface from its first word on, and again when the person comes back to the page.
(() => {
  const focus = () => {
    if (document.body?.classList.contains("-first-byte")) {
      document.querySelector("#terminal textarea")?.focus();
    }
  };
  new MutationObserver(focus).observe(document.documentElement, {attributes: true, subtree: true, attributeFilter: ["class"]});
  window.addEventListener("focus", focus);
})();
