// Colour maps for spectrograms: even steps in a value are even steps to the eye, and lightness alone tells the order.

/** 256 colours, each as four bytes: red, green, blue, opacity. */
export type ColourMap = Uint8ClampedArray;

export const COLOURS = 256;

interface Lch {
  lightness: number;
  chroma: number;
  /** Degrees. */
  hue: number;
}

/** Lightness of the map's ends in OKLab: dark enough to stand for nothing, light enough not to dazzle. */
const DARKEST = 0.16;
const LIGHTEST = 0.96;
/** From violet by blue and green to yellow, the way of hues on which lightness can rise the furthest in sRGB. */
const FIRST_HUE = 305;
const LAST_HUE = 105;
const MOST_CHROMA = 0.17;
const LESS_HUE = 250;
const MORE_HUE = 45;

/** Linear sRGB of an OKLab colour (Ottosson 2020, "A perceptual color space for image processing"). */
function linearRgb({ lightness, chroma, hue }: Lch): [number, number, number] {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const CHROMA_STEP = 0.002;

/** The nearest colour that a screen has: of the same lightness and hue, less saturated. */
function shown(colour: Lch): [number, number, number] {
  let rgb = linearRgb(colour);
  for (let chroma = colour.chroma; chroma > 0 && rgb.some((part) => part < 0 || part > 1); ) {
    chroma = Math.max(0, chroma - CHROMA_STEP);
    rgb = linearRgb({ ...colour, chroma });
  }
  return rgb;
}

/** sRGB's transfer function (IEC 61966-2-1), 0 to 255. */
function encode(linear: number): number {
  const part = Math.min(1, Math.max(0, linear));
  return Math.round(255 * (part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055));
}

function make(colourAt: (share: number) => Lch): ColourMap {
  const map = new Uint8ClampedArray(4 * COLOURS);
  for (let index = 0; index < COLOURS; index++) {
    const [red, green, blue] = shown(colourAt(index / (COLOURS - 1)));
    map.set([encode(red), encode(green), encode(blue), 255], 4 * index);
  }
  return map;
}

/** From quiet to loud: lightness rises evenly, so the map reads the same in grey, in print and to colour-blind eyes. */
export const SEQUENTIAL: ColourMap = make((share) => ({
  lightness: DARKEST + (LIGHTEST - DARKEST) * share,
  chroma: MOST_CHROMA,
  hue: FIRST_HUE + (LAST_HUE - FIRST_HUE) * share,
}));

/** From less (blue) by no difference to more (orange); what does not differ has the lightness of the page. */
export function diverging(theme: "light" | "dark"): ColourMap {
  const [middle, ends] = theme === "light" ? [0.96, 0.42] : [0.22, 0.82];
  return make((share) => {
    const away = Math.abs(2 * share - 1);
    return { lightness: middle + (ends - middle) * away, chroma: MOST_CHROMA * Math.min(1, 1.6 * away), hue: share < 0.5 ? LESS_HUE : MORE_HUE };
  });
}

/** A map's colour as CSS, for legends; `share` from 0 to 1. */
export function cssColour(map: ColourMap, share: number): string {
  const at = 4 * Math.round(share * (COLOURS - 1));
  return `rgb(${map[at] ?? 0} ${map[at + 1] ?? 0} ${map[at + 2] ?? 0})`;
}

/** A map as a CSS gradient, for legends. */
export function cssGradient(map: ColourMap, direction: string, stops = 16): string {
  return `linear-gradient(${direction}, ${Array.from({ length: stops }, (_, stop) => cssColour(map, stop / (stops - 1))).join(", ")})`;
}
