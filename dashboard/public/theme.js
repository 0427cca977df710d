// The remembered theme, set before the first paint; src/app/theme.ts keeps it from there.
try {
  const theme = localStorage.getItem("audiosense.theme");
  if (["light", "dark", "contrast"].includes(theme)) document.documentElement.dataset.theme = theme;
} catch {
  // storage is blocked: the system's theme holds
}
