// Before the first paint and while the scripts are still on their way: the remembered theme, which src/app/theme.ts keeps
// from there, the words of the language that src/i18n/index.ts will ask for, and the first questions to the collector,
// which src/api/early.ts hands to whoever asks them.
try {
  const theme = localStorage.getItem("audiosense.theme");
  if (["light", "dark", "contrast"].includes(theme)) document.documentElement.dataset.theme = theme;
} catch {
  // storage is blocked: the system's theme holds
}
// Where they are, the build has noted on this script; a development server has not.
const { early, ...words } = document.currentScript.dataset;
let language = navigator.language.startsWith("es") ? "es" : "en";
try {
  const chosen = localStorage.getItem("audiosense.language");
  if (chosen in words) language = chosen;
} catch {
  // storage is blocked: the browser's language holds
}
if (words[language]) document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href: words[language] }));
// The page's icon is named relative to the page that was loaded first; browsers look for it again on others.
const icon = document.querySelector('link[rel="icon"]');
if (icon) icon.href = String(icon.href);

window.audiosenseEarly = new Map();
for (const address of early.split(" ").filter(Boolean)) {
  const { href } = new URL(address, document.baseURI);
  const answer = fetch(href);
  answer.catch(() => undefined);
  window.audiosenseEarly.set(href, answer);
}
