// Tables as other programs read them.
import { describe, expect, it } from "vitest";
import { toCsv } from "./csv";

describe("csv", () => {
  it("holds the rows of a span, with quoted names and empty cells", () => {
    const columns = [
      { name: "Level, RMS (dB)", values: [1, 2.123456789, null, 4] },
      { name: 'the "score"', values: [0.5, Number.NaN, 0.7, 0.8] },
    ];
    expect(toCsv([0, 1.5, 2, 9], columns, 1, 5)).toBe(
      'time_utc,"Level, RMS (dB)","the ""score"""\r\n1970-01-01T00:00:01.500Z,2.123457,\r\n1970-01-01T00:00:02.000Z,,0.7\r\n',
    );
  });
  it("counts the times of a recording from its start", () => {
    expect(toCsv([0, 2.5], [{ name: "score", values: [0.1, 0.2] }], 0, 9, true)).toBe("time_s,score\r\n0,0.1\r\n2.5,0.2\r\n");
  });
});
