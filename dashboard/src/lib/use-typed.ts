// What is typed into a search box. The letters never wait for the list nor for the address, which follows them; where the
// address changes by itself, by a link or the browser's back, the box says what the list shows.
import { type ChangeEvent, useState } from "react";

export function useTyped(value: string, onType: (text: string) => void) {
  const [text, setText] = useState(value);
  const [seen, setSeen] = useState(value);
  const [typing, setTyping] = useState(false);
  if (value !== seen) {
    setSeen(value);
    if (!typing) setText(value);
  }
  return {
    value: text,
    onFocus: () => setTyping(true),
    onBlur: () => setTyping(false),
    onChange: ({ target }: ChangeEvent<HTMLInputElement>) => {
      setText(target.value);
      onType(target.value);
    },
  };
}
