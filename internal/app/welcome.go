package app

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/parley-chat/parley/internal/demo"
)

// Welcome writes what a person who has just started the node needs to know: what to open and as whom,
// and at the first start the link that makes the owner's account (C8.8).
func (n *Node) Welcome(ctx context.Context, w io.Writer) error {
	url := n.URL()
	data := "SQLite in " + n.cfg.Data
	if n.store.Kind() == "postgres" {
		data = "PostgreSQL"
	}
	if n.reach.redis != nil {
		data += " and Redis"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nParley %s · %s · started in %d ms\n\n", n.version, data, n.startup.Milliseconds())
	if n.bot != nil {
		fmt.Fprintf(&b, "  Open  %-38s  as alice, password %s\n", url, demo.Password("alice"))
		fmt.Fprintf(&b, "        %-38s  as bob, password %s (in a second window)\n", url+"/#as=bob", demo.Password("bob"))
	} else {
		fmt.Fprintf(&b, "  Open  %s\n", url)
	}
	fmt.Fprintf(&b, "  API   %s/api/docs\n\n", url)
	if err := n.ownerLink(ctx, &b); err != nil {
		return err
	}
	warnings := append(n.notes, n.warnings...)
	for _, warning := range warnings {
		fmt.Fprintf(&b, "  ! %s\n", warning)
	}
	if len(warnings) > 0 {
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ownerLink adds the owner link while nobody has an account.
func (n *Node) ownerLink(ctx context.Context, b *strings.Builder) error {
	inhabited, err := n.auth.HasAccounts(ctx)
	if err != nil || inhabited {
		return err
	}
	link, err := NewOwnerLink(ctx, n.auth, n.URL())
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "  Nobody has an account yet. This link makes yours, the owner's; it is good once, for 30 minutes\n"+
		"  (parley user owner-link, with the same settings as this server, makes another). A link that another\n"+
		"  node or an earlier start printed no longer works:\n\n    %s\n\n", link)
	return nil
}
