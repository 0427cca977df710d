// Files that the browser saves.

const FORBIDDEN = /[^\p{L}\p{N}.-]+/gu;

/** Save a file; its name is made of the words. */
export function download(content: Blob | string, words: readonly string[], extension: "csv" | "png"): void {
  const blob = typeof content === "string" ? new Blob(["\ufeff", content], { type: "text/csv;charset=utf-8" }) : content;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${words.join(" ").replaceAll(FORBIDDEN, "-")}.${extension}`;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
