// Palabras en español de los ajustes.
import type { settings as english } from "./settings.en";

export const settings: typeof english = {
  title: "Ajustes",
  sections: "Apartados de los ajustes",
  section: {
    plant: "Emplazamientos y máquinas",
    policies: "Conservación y presupuesto",
    browser: "Este navegador",
  },
  refused: "Este apartado de los ajustes requiere el papel de administrador. Pida a uno que lo haga, o pídale el papel.",
  browser: {
    lead: "Se guarda solo en este navegador: nadie más lo ve y no viaja con su cuenta.",
    themeHint: "El alto contraste es para una nave a pleno sol y para los ojos que lo necesiten.",
    languageHint: "Números, fechas y horas se escriben como en ese idioma, en la zona horaria de este dispositivo.",
    developer: "Muestra como página propia el banco de pruebas de la interfaz anterior. No toca ninguna máquina real.",
    developerOff: "Este colector no lo ofrece. Inícielo con AUDIOSENSE_DEVELOPER_MODE=1.",
    account: "Su contraseña y los navegadores en los que tiene la sesión abierta están en la página de su cuenta.",
    toAccount: "A su cuenta",
  },
};
