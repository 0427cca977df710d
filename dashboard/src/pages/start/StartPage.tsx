// From an empty collector to the first machine that is learned, in three steps; also in place of the empty fleet.
import { getRouteApi } from "@tanstack/react-router";
import { useMessages } from "@/i18n";
import { Steps } from "./Steps";

const route = getRouteApi("/start");

export function StartPage() {
  const t = useMessages();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <title>{`${t.start.title} · ${t.app.name}`}</title>
      <Steps search={search} onSearch={(next) => void navigate({ search: next })} />
    </>
  );
}
