// Levels over time and frequency as a picture: one pixel of canvas for each value, stretched by the browser. Axes, cursor
// and words are the caller's, around it or as its children.
import { type ReactNode, useLayoutEffect, useRef } from "react";
import { type ColourMap, COLOURS, SEQUENTIAL } from "@/lib/colour-map";

export interface SpectrogramProps {
  /** Column after column, each from its lowest frequency: `matrix[column * rows + row]`. What is not finite stays clear. */
  matrix: Float32Array | Uint8Array;
  columns: number;
  rows: number;
  /** Values with the first and the last colour of the map; what is beyond them has these colours, too. */
  range: readonly [number, number];
  map?: ColourMap;
  /** What the picture shows, in words. */
  label: string;
  /** Sharp edges, for few columns; else the browser blends between values. */
  pixelated?: boolean;
  /** Sizes the picture, such as `h-56`. */
  className?: string;
  children?: ReactNode;
}

/** Paint a matrix; its lowest frequency is at the bottom. */
export function paint(
  image: ImageData,
  { matrix, columns, rows, range: [low, high], map }: Required<Pick<SpectrogramProps, "matrix" | "columns" | "rows" | "range" | "map">>,
): void {
  const colours = new Uint32Array(map.buffer, map.byteOffset, COLOURS);
  const pixels = new Uint32Array(image.data.buffer);
  const scale = (COLOURS - 1) / (high - low || 1);
  for (let column = 0; column < columns; column++) {
    let pixel = (rows - 1) * columns + column;
    const from = column * rows;
    for (let row = 0; row < rows; row++) {
      const value = matrix[from + row] ?? Number.NaN;
      const place = Math.round((value - low) * scale);
      // Not a number fails both comparisons.
      pixels[pixel] = place <= 0 ? (colours[0] ?? 0) : place > 0 ? (colours[Math.min(place, COLOURS - 1)] ?? 0) : 0;
      pixel -= columns;
    }
  }
}

export function Spectrogram(props: SpectrogramProps) {
  const { matrix, columns, rows, range, map = SEQUENTIAL, label, pixelated = false, className = "h-56", children } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [low, high] = range;
  useLayoutEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || columns < 1 || rows < 1) return;
    element.width = columns;
    element.height = rows;
    const image = context.createImageData(columns, rows);
    paint(image, { matrix, columns, rows, range: [low, high], map });
    context.putImageData(image, 0, 0);
  }, [matrix, columns, rows, low, high, map]);
  return (
    <div className={`relative w-full min-w-0 overflow-hidden rounded ${className}`}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        className="absolute inset-0 block size-full"
        style={{ imageRendering: pixelated ? "pixelated" : "auto" }}
      />
      {children}
    </div>
  );
}
