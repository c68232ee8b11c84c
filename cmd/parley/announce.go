package main

import (
	"fmt"
	"io"
	"os/user"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func announceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "announce TEXT",
		Short: "Say something to everybody who is connected",
		Long: "Everybody who is connected sees the text within a second, on every node. It works beside a running server,\n" +
			"with the same settings. The text has 1 to 4,000 characters; with - it is read from the standard input.\n\n" +
			"  parley announce \"The server restarts at 22:00.\"\n" +
			"  parley announce - < maintenance.txt",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("one text is needed, in quotes: %s", cmd.UseLine())
			}
			return nil
		},
		RunE: announce,
	}
}

func announce(cmd *cobra.Command, args []string) (err error) {
	text := args[0]
	if text == "-" {
		if text, err = readText(cmd.InOrStdin()); err != nil {
			return err
		}
	}
	// What is no announcement is said before anything is opened.
	if err := chat.CheckAnnouncement(text); err != nil {
		return err
	}
	return withData(cmd, func(s *store.Store) error {
		if _, err := s.AddAnnouncement(cmd.Context(), chat.Announcement{ID: uuid.Must(uuid.NewV7()).String(), Text: text, Author: operator()}); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), "Everybody who is connected to a running server sees it within a second.")
		return nil
	})
}

// readText reads a text without the line feed at its end. What is too long for an announcement is read far enough
// to be refused as one.
func readText(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, chat.MaxContentBytes+2))
	if err != nil {
		return "", fmt.Errorf("the text cannot be read: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// operator is who announces, for the record.
func operator() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}
