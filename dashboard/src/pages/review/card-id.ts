// The card of an event as the document knows it.
export const cardId = (eventId: string) => `event-${eventId}`;
