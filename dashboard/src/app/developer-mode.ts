// Developer mode: offered where the collector has it, on where the user has switched it on.
import { useQuery } from "@tanstack/react-query";
import { systemQuery } from "@/api/queries";
import { usePreference } from "@/lib/preferences";

export function useDeveloperMode() {
  const system = useQuery(systemQuery);
  const [choice, setChoice] = usePreference("developer", ["off", "on"], "off");
  return {
    known: system.isSuccess,
    offered: system.data?.developer_mode === true,
    on: choice === "on",
    setOn: (on: boolean) => setChoice(on ? "on" : "off"),
  };
}
