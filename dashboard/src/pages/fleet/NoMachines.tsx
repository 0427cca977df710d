// The empty fleet: the steps to the first machine, which are a page of their own from the second one on.
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";

const Steps = lazy(() => import("@/pages/start/Steps").then((page) => ({ default: page.Steps })));

export function NoMachines() {
  const navigate = useNavigate();
  return (
    <Suspense fallback={null}>
      <Steps search={{}} onSearch={(search) => void navigate({ to: "/start", search })} />
    </Suspense>
  );
}
