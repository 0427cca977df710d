/** Up to so many machines are in the document whole: printed and found by the browser's own search. */
export const ALL_AT_ONCE = 150;
