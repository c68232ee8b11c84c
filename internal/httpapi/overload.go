package httpapi

import (
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/parley-chat/parley/internal/chat"
)

// maxReads is how many reads of history and lists may be under way at once: many more than there are connections to a
// database, and few enough to answer each in time.
const maxReads = 256

// readable refuses reads of history and lists while the node has too much to do. Sends, sign-ins and the own account go on.
func (a *api) readable(ctx huma.Context, next func(huma.Context)) {
	defer a.reads.Add(-1)
	if a.reads.Add(1) > maxReads || a.chat.Shed(chat.WorkReads) {
		r, w := humago.Unwrap(ctx)
		writeProblem(w, r, chat.Overloaded("The server has too much to do. Try again in a moment.", 0))
		return
	}
	next(ctx)
}
