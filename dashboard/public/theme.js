// The remembered theme, set before the first paint; src/app/theme.ts keeps it from there.
try {
  const theme = localStorage.getItem("audiosense.theme");
  if (["light", "dark", "contrast"].includes(theme)) document.documentElement.dataset.theme = theme;
} catch {
  // storage is blocked: the system's theme holds
}
// The page's icon is named relative to the page that was loaded first; browsers look for it again on others.
const icon = document.querySelector('link[rel="icon"]');
if (icon) icon.href = String(icon.href);
