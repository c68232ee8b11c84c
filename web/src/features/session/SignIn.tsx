import { ParleyError } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { Eye, EyeOff } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button, IconButton } from "../../components/Button.tsx";
import { Field } from "../../components/Field.tsx";
import { Mark } from "../../components/Mark.tsx";
import { useClient, useStore } from "../../lib/client.tsx";
import { leaveConversation, route } from "../../lib/route.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

type Mode = "sign-in" | "register" | "owner";

/** Signing in, creating an account, and the first account of a server by its owner link. */
export function SignIn() {
  const client = useClient();
  const { error } = useStore(client.session);
  // Why the last login ended; what fails from here on is told beside the fields.
  const [ended] = useState(error);
  const { as, owner } = useStore(route);
  const [chosen, setMode] = useState<Mode>("sign-in");
  const mode = owner === null ? chosen : "owner";
  const [username, setUsername] = useState(as ?? "");
  const [password, setPassword] = useState(as === null ? "" : `${as}-demo`);
  const [displayName, setDisplayName] = useState("");
  const [shown, setShown] = useState(false);

  const enter = useMutation({
    networkMode: "always",
    mutationFn: () => {
      if (mode === "sign-in") return client.login({ username, password });
      const name = displayName.trim();
      const account = { username, password, ...(name === "" ? {} : { displayName: name }) };
      return owner === null ? client.register(account) : client.registerOwner(owner, account);
    },
    onSuccess: () => {
      if (as !== null || owner !== null) leaveConversation();
    },
  });

  const failure = enter.error instanceof ParleyError ? enter.error : null;
  const wrong = (field: string) => failure?.fields?.find((row) => row.field === field)?.message;
  const known = ["username", "password", "displayName"].some((field) => wrong(field) !== undefined);
  const taken = failure?.code === "CONFLICT" && !known ? failure.message : undefined;
  const general = failure !== null && !known && taken === undefined ? failure : null;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!enter.isPending) enter.mutate();
  }

  function turn(to: Mode) {
    enter.reset();
    setMode(to);
    if (owner !== null) leaveConversation();
  }

  return (
    <main className="flex h-full flex-col items-center overflow-y-auto px-4 py-10">
      <div className="my-auto w-full max-w-sm">
        <div className="mb-7 text-center">
          <Mark />
          <h1 className="mt-4 font-semibold text-display">{mode === "owner" ? later.ownerTitle : strings.app}</h1>
          <p className="mt-1 text-ink-3 text-name">{mode === "owner" ? later.ownerText : later.tagline}</p>
        </div>
        {as !== null && mode === "sign-in" && (
          <p className="mb-3 rounded-box bg-own px-4 py-2.5 text-name">
            <bdi>{later.demoHint(as)}</bdi>
          </p>
        )}
        {ended !== null && failure === null && (
          <p role="alert" className="mb-3 rounded-box bg-ember-soft px-4 py-2.5 text-ember text-name">
            {ended.message}
          </p>
        )}
        <form onSubmit={submit} className="space-y-4 rounded-card border border-line bg-raised p-6" noValidate>
          <Field
            label={later.username}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            autoCorrect="off"
            spellCheck={false}
            required
            autoFocus={as === null}
            value={username}
            onChange={(event) => setUsername(event.target.value)}
            hint={mode === "sign-in" ? undefined : later.usernameHint}
            error={wrong("username") ?? taken}
          />
          {mode !== "sign-in" && (
            <Field
              label={later.displayName}
              name="displayName"
              autoComplete="name"
              value={displayName}
              onChange={(event) => setDisplayName(event.target.value)}
              hint={later.displayNameHint}
              error={wrong("displayName")}
            />
          )}
          <Field
            label={later.password}
            name="password"
            type={shown ? "text" : "password"}
            autoComplete={mode === "sign-in" ? "current-password" : "new-password"}
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            hint={mode === "sign-in" ? undefined : later.passwordHint}
            error={wrong("password")}
            after={
              <IconButton label={shown ? later.hidePassword : later.showPassword} onClick={() => setShown(!shown)}>
                {shown ? <EyeOff size={17} /> : <Eye size={17} />}
              </IconButton>
            }
          />
          {general !== null && (
            <p role="alert" className="text-bad text-name">
              {general.message}
              {general.code === "INTERNAL" && (
                <code className="block font-mono text-ink-3 text-meta">{general.traceId}</code>
              )}
            </p>
          )}
          <Button look="primary" type="submit" className="w-full" aria-disabled={enter.isPending}>
            {enter.isPending ? later.working : mode === "sign-in" ? later.signIn : later.register}
          </Button>
        </form>
        <div className="mt-4 text-center">
          <Button look="quiet" onClick={() => turn(mode === "sign-in" ? "register" : "sign-in")}>
            {mode === "sign-in" ? later.registerInstead : later.signInInstead}
          </Button>
        </div>
      </div>
    </main>
  );
}
