// Package typescript holds the SDK to the tables of the server.
package typescript

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

var update = flag.Bool("update", false, "write what is made from the code instead of comparing it")

// The SDK's table of codes is made from the one in package chat (C4.8).
func TestTheSDKHasTheTableOfCodes(t *testing.T) {
	var b strings.Builder
	b.WriteString("// Made from chat.Codes: `go test ./sdk/typescript -update` renews it.\n\n/** By code: the HTTP status (0 when it answers no request), and whether the same request may succeed later. */\nexport const codes = {\n")
	for _, row := range chat.Codes {
		fmt.Fprintf(&b, "  /** %s %s */\n  %s: [%d, %t],\n",
			row.Meaning, row.Client, row.Code, row.Status, row.Retryable())
	}
	b.WriteString("} as const;\n")

	file := "src/codes.gen.ts"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Errorf("%s is not what chat.Codes says; run this test with -update", file)
	}
}
