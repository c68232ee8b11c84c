// Package typescript holds the SDK to the tables of the server.
package typescript

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

var update = flag.Bool("update", false, "write what is made from the code instead of comparing it")

// The SDK's tables are made from those in package chat (C4.8).
func TestTheSDKHasTheTableOfCodes(t *testing.T) {
	var b strings.Builder
	b.WriteString("// Made from chat.Codes and chat.Reasons: `go test ./sdk/typescript -update` renews it.\n\n")
	b.WriteString("/** By code: the HTTP status (0 when it answers no request), and how a client retries. */\nexport const codes = {\n")
	for _, row := range chat.Codes {
		fmt.Fprintf(&b, "  /** %s %s */\n  %s: [%d, %q],\n", row.Meaning, row.Client, row.Code, row.Status, row.Retry)
	}
	b.WriteString("} as const;\n\n/**\n * A finer word under a code. A newer server may know more.\n *\n")
	words := make([]string, len(chat.Reasons))
	for i, row := range chat.Reasons {
		fmt.Fprintf(&b, " * `%s` (%s): %s\n", row.Reason, row.Code, row.Meaning)
		words[i] = fmt.Sprintf("%q", row.Reason)
	}
	fmt.Fprintf(&b, " */\nexport type Reason = %s;\n", strings.Join(words, " | "))
	same(t, "src/codes.gen.ts", b.String())
}

// Clients read close codes by their ranges; the SDK's tests hold that to the table (C4.9).
func TestTheSDKIsTestedWithTheTableOfCloseCodes(t *testing.T) {
	var b strings.Builder
	b.WriteString("// Made from protocol.CloseCodes: `go test ./sdk/typescript -update` renews it.\n\n")
	b.WriteString("/** By close code: whether a client connects again. */\nexport const closeCodes: Record<number, boolean> = {\n")
	for _, row := range protocol.CloseCodes {
		fmt.Fprintf(&b, "  %d: %t,\n", row.Code, row.Reconnect)
	}
	b.WriteString("};\n")
	same(t, "test/close-codes.gen.ts", b.String())
}

// same compares a file with what the tables make of it.
func same(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("%s is not what the tables say; run this test with -update", file)
	}
}
