import { Component, type ReactNode } from "react";
import { Button } from "../components/Button.tsx";
import { Empty } from "../components/Empty.tsx";
import { strings } from "../lib/strings.ts";

/** What is shown when the program itself is wrong: a sentence and a way on, never a white page. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <main className="flex h-full items-center justify-center">
        <Empty title={strings.fault}>
          <Button look="primary" onClick={() => location.reload()}>
            {strings.reload}
          </Button>
        </Empty>
      </main>
    );
  }
}
