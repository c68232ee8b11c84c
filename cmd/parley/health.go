package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the server on this machine whether it is ready; the status is 0 when it is",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			host := c.Host
			if host == "" || host == "0.0.0.0" || host == "::" {
				host = "127.0.0.1"
			}
			return askHealth(cmd, "http://"+net.JoinHostPort(host, strconv.Itoa(c.Port))+"/health/ready")
		},
	}
}

func askHealth(cmd *cobra.Command, url string) error {
	client := http.Client{Timeout: 3 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(cmd.OutOrStdout(), io.LimitReader(answer.Body, 64<<10)); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout())
	if answer.StatusCode != http.StatusOK {
		return errSaid
	}
	return nil
}
