package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// mostListed is the longest list of buried steps that is printed.
const mostListed = 100_000

func receiptsCommand() *cobra.Command {
	receipts := onlyGroup(&cobra.Command{
		Use:   "receipts",
		Short: "Look at steps of reading that could not be written, and write them after all",
		Long: "What people read in large conversations is written every 10 seconds. A step that could not be written in five\n" +
			"tries is laid aside with the reason, so that it holds up no other (the metric chat_receipts_flushed_total counts it as\n" +
			"buried). These commands work beside a running server, and make and migrate nothing. They print ids and times, no names\n" +
			"and no texts.",
	})
	receipts.AddCommand(receiptsListCommand(), receiptsReplayCommand())
	return receipts
}

func receiptsListCommand() *cobra.Command {
	var limit int
	list := &cobra.Command{
		Use:   "list",
		Short: "Show what is laid aside, and why",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 || limit > mostListed {
				return fmt.Errorf("--limit must be 1 to %d", mostListed)
			}
			return withMadeData(cmd, func(s *store.Store) error { return listReceipts(cmd, s, limit) })
		},
	}
	list.Flags().IntVar(&limit, "limit", 100, "most steps to show, those first that were laid aside first")
	return list
}

func listReceipts(cmd *cobra.Command, s *store.Store, limit int) error {
	buried, all, err := s.BuriedSteps(cmd.Context(), chat.Buried{}, limit)
	if err != nil {
		return err
	}
	for _, b := range buried {
		printBuried(cmd, b, b.Reason)
	}
	switch {
	case all == 0:
		fmt.Fprintln(cmd.OutOrStdout(), "No step of reading is laid aside.")
	case all > len(buried):
		fmt.Fprintf(cmd.OutOrStdout(), "%s laid aside; these are the first %d. parley receipts replay writes them.\n", steps(all), len(buried))
	default:
		fmt.Fprintf(cmd.OutOrStdout(), "%s laid aside. parley receipts replay writes them.\n", steps(all))
	}
	return nil
}

func receiptsReplayCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "replay",
		Short: "Write what is laid aside, and say what cannot be written still",
		Long: "Every step that can be written now is written and no longer laid aside. What still cannot be is printed with the\n" +
			"reason and stays, and the command ends with status 1. What rests on nothing any more, because its message or its\n" +
			"person is gone, is printed too and no longer laid aside. It may be interrupted and run again.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withMadeData(cmd, func(s *store.Store) error { return replayReceipts(cmd, s) })
		},
	}
}

func replayReceipts(cmd *cobra.Command, s chat.ReceiptStore) error {
	stay, gone := 0, 0
	written, err := chat.Replay(cmd.Context(), s, func(f chat.Fate) {
		if f.Why == nil {
			gone++
			printBuried(cmd, f.Buried, "rests on nothing any more: its message is not in the conversation, or its person never was or is erased")
			return
		}
		stay++
		printBuried(cmd, f.Buried, explain(f.Why))
	})
	out := cmd.OutOrStdout()
	if err == nil && written+gone+stay == 0 {
		fmt.Fprintln(out, "No step of reading is laid aside.")
		return nil
	}
	if err == nil && stay == 0 {
		fmt.Fprintf(out, "%s written%s, and nothing is laid aside any more.\n", steps(written), dropped(gone))
		return nil
	}
	if err != nil {
		fmt.Fprintf(out, "%s written%s before the database failed; run the command again when it is back.\n", steps(written), dropped(gone))
		return err
	}
	fmt.Fprintf(out, "%s written%s. %d cannot be written still and stay laid aside.\n", steps(written), dropped(gone), stay)
	return errSaid
}

// dropped says how many steps had nothing to be written.
func dropped(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return ", 1 rests on nothing any more and is dropped"
	}
	return fmt.Sprintf(", %d rest on nothing any more and are dropped", n)
}

func steps(n int) string {
	if n == 1 {
		return "1 step of reading is"
	}
	return fmt.Sprint(n, " steps of reading are")
}

// printBuried prints one step in a line.
func printBuried(cmd *cobra.Command, b chat.Buried, why string) {
	fmt.Fprintf(cmd.OutOrStdout(), "laid aside %s: message %s in conversation %s, read by %s at %s: %s\n",
		b.Since.UTC().Format(time.RFC3339), b.Message, b.Conversation, b.User, b.At.UTC().Format(time.RFC3339), why)
}
