// Before the first paint, so that a page that was set to dark does not begin white.
(function () {
  let theme = null;
  try {
    theme = localStorage.getItem("monge.theme");
  } catch {
    // Without storage the system's choice holds.
  }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
