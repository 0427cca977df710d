// Why a change of the plant or of a policy was refused, and what to do.
import { ApiError } from "@/api/client";
import { useMessages } from "@/i18n";
import { explain } from "./ErrorState";

export function Problem({ error }: { error: unknown }) {
  const t = useMessages();
  if (!error) return null;
  const known = error instanceof ApiError && error.kind in t.plant.kinds;
  return (
    <p role="alert" className="text-sm text-alarm">
      {known ? t.plant.kinds[error.kind as keyof typeof t.plant.kinds] : explain(error, t)}
    </p>
  );
}
