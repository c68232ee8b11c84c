package redisserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Refusal is an error that the server answered, such as "NOAUTH Authentication required.".
type Refusal string

// Error is the server's text.
func (r Refusal) Error() string { return string(r) }

// Do sends one command on a connection of its own and returns the answer as redis-cli prints it to a
// pipe: the members of an array one a line, nothing for nil. It gives up after 30 s. The error is a
// [Refusal] when the server answered with one.
func (s *Server) Do(args ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", s.Address(), patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	answers := bufio.NewReader(conn)
	if password := s.password(); password != "" {
		if _, err := ask(conn, answers, "AUTH", password); err != nil {
			return "", err
		}
	}
	return ask(conn, answers, args...)
}

func ask(to io.Writer, answers *bufio.Reader, args ...string) (string, error) {
	command := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, arg := range args {
		command = fmt.Appendf(command, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := to.Write(command); err != nil {
		return "", err
	}
	return read(answers)
}

// read reads one answer in the protocol's second version.
func read(answers *bufio.Reader) (string, error) {
	line, err := answers.ReadString('\n')
	if err != nil {
		return "", err
	}
	kind, rest := line[0], strings.TrimRight(line[1:], "\r\n")
	switch kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", Refusal(rest)
	}
	size, err := strconv.Atoi(rest)
	switch {
	case err != nil:
		return "", fmt.Errorf("not an answer of Redis: %q", line)
	case size < 0:
		return "", nil
	case kind == '$':
		text := make([]byte, size+len("\r\n"))
		_, err := io.ReadFull(answers, text)
		return string(text[:size]), err
	}
	members := make([]string, size)
	for i := range members {
		if members[i], err = read(answers); err != nil {
			return "", err
		}
	}
	return strings.Join(members, "\n"), nil
}
