// English words of the settings.

export const settings = {
  title: "Settings",
  sections: "Sections of the settings",
  /** Each section's name, and what one does there. */
  section: {
    plant: "Sites and machines",
    policies: "Retention and budget",
    browser: "This browser",
  },
  refused: "This part of the settings needs the role administrator. Ask one to do it, or for the role.",
  browser: {
    lead: "Kept in this browser only: nobody else sees it, and it does not travel with your account.",
    themeHint: "High contrast is for a hall in sunlight, and for eyes that need it.",
    languageHint: "Numbers, dates and times are written as in that language, in the time zone of this device.",
    developer: "Shows the sandbox of the predecessor's interface as a page of its own. It touches no real machine.",
    developerOff: "This collector does not offer it. Start it with AUDIOSENSE_DEVELOPER_MODE=1.",
    account: "Your password and the browsers in which you are signed in are on the page of your account.",
    toAccount: "To your account",
  },
};
