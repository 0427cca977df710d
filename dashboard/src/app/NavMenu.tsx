// The menu of a narrow header: a button that discloses links and choices; Escape or a touch beside it closes it.
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { CloseIcon, MenuIcon } from "@/components/icons";
import { useMessages } from "@/i18n";

interface Props {
  links: ReactNode;
  /** Choices and the way out, below the links. */
  children: ReactNode;
}

export function NavMenu({ links, children }: Props) {
  const t = useMessages();
  const [isOpen, setOpen] = useState(false);
  const panel = useId();
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    const beside = (event: PointerEvent) => {
      if (!whole.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", beside);
    return () => document.removeEventListener("pointerdown", beside);
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div
      ref={whole}
      className="order-last"
      onKeyDown={(event) => {
        if (event.key === "Escape" && isOpen) close();
      }}
      onBlur={(event) => {
        if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <button
        ref={button}
        type="button"
        aria-expanded={isOpen}
        aria-controls={panel}
        aria-label={t.app.menu}
        title={t.app.menu}
        onClick={() => setOpen(!isOpen)}
        className="inline-flex size-10 items-center justify-center rounded-md text-soft hover:bg-raised hover:text-ink"
      >
        {isOpen ? <CloseIcon /> : <MenuIcon />}
      </button>
      <div
        id={panel}
        hidden={!isOpen}
        className="absolute top-full right-0 left-0 max-h-[calc(100dvh-3rem)] overflow-y-auto border-b border-line bg-surface p-2 shadow-lg sm:right-3 sm:left-auto sm:w-80 sm:rounded-b-lg sm:border-x"
      >
        <div
          className="flex flex-col"
          onClick={(event) => {
            if ((event.target as Element).closest("a")) close();
          }}
        >
          {isOpen && links}
        </div>
        {isOpen && <div className="mt-2 border-t border-line pt-2">{children}</div>}
      </div>
    </div>
  );
}
