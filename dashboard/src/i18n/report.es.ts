// Spanish words of a machine's report; the type holds them to the keys of report.en.ts.
import type { report as english } from "./report.en";

export const report: typeof english = {
  title: "Informe de máquina",
  of: (name) => `Informe: ${name}`,
  back: "Volver a la máquina",
  print: "Imprimir",
  made: (when) => `Hecho ${when}`,
  state: "Estado",
  site: "Lugar",
  sensors: "Sensores",
  sensor: "Sensor",
  health: "Salud",
  lastDay: "Últimas 24 h",
  lastWeek: "Últimos 7 días",
  events: "Últimos eventos",
  noEvents: "Sin eventos.",
  reasons: "Motivos",
  verdict: "Hallado en el sitio",
  remark: "Observación",
  noModel: "todavía sin modelo",
  model: (version, detector, windows) => `Versión ${version}, ${detector}, entrenado con ${windows} ventanas`,
  order: "Orden de trabajo",
  by: "Hecho por, fecha",
  page: (address) => `Detalles: ${address}`,
};
