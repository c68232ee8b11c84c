package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/redis/rueidis"
)

// explain sorts an error and says what to do about it.
func (b *Bus) explain(ctx context.Context, err error) error {
	at := addresses(b.options)
	wrong := func(what, next string) error { return &WrongError{What: what, Next: next, Err: err} }
	if old, ok := errors.AsType[versionError](err); ok {
		return wrong("Redis at "+at+" is "+old.Error(), fmt.Sprintf("Parley needs version %d or newer", old.needed))
	}
	if refusal, ok := errors.AsType[*rueidis.RedisError](err); ok {
		return b.explainRefusal(at, refusal)
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case untrusted, authority, hostname:
		return wrong("the certificate of Redis at "+at+" is not trusted: "+err.Error(),
			"have this machine trust its authority (SSL_CERT_FILE names a file of them), and use the name that the certificate has")
	case plain:
		return wrong("Redis at "+at+" does not speak TLS", "write redis:// instead of rediss://, or name its TLS port")
	case hungUp(err) && b.isPostgres(ctx):
		return wrong("what answers at "+at+" is PostgreSQL", "name the address and port of Redis in REDIS_URL, and that of PostgreSQL in DATABASE_URL")
	case hungUp(err):
		return fmt.Errorf("%w: %s closes the connection instead of answering; is it Redis, and should it be rediss:// for TLS", ErrAway, at)
	case rueidis.IsParseErr(err), strings.Contains(err.Error(), "unknown message type"), strings.Contains(err.Error(), "unexpected"):
		return wrong("what answers at "+at+" is not a Redis", "name the address and port of Redis; rediss:// if it uses TLS")
	case b.options.TLSConfig != nil && errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %s does not answer in TLS; if it speaks none, write redis://", ErrAway, at)
	}
	return fmt.Errorf("%w: %s cannot be reached: %w", ErrAway, at, err)
}

// hungUp reports that the other side took the connection and closed it, in the middle of an answer perhaps.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// isPostgres asks whether TLS is spoken, as clients of PostgreSQL begin (SSLRequest, 53.7 in its manual): it hangs up
// without a word on all that does not begin as they do, and answers this with a single letter.
func (b *Bus) isPostgres(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	for _, address := range b.options.InitAddress {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			continue
		}
		defer conn.Close()
		deadline, _ := ctx.Deadline()
		_ = conn.SetDeadline(deadline)
		answer := make([]byte, 2)
		if _, err = conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
			continue
		}
		if n, _ := conn.Read(answer); n == 1 && (answer[0] == 'S' || answer[0] == 'N') {
			return true
		}
	}
	return false
}

// explainRefusal sorts an error that Redis answered. Its first word says the kind.
func (b *Bus) explainRefusal(at string, refusal *rueidis.RedisError) error {
	wrong := func(what, next string) error { return &WrongError{What: what, Next: next, Err: refusal} }
	kind, _, _ := strings.Cut(refusal.Error(), " ")
	switch text := refusal.Error(); {
	case kind == "NOAUTH", strings.Contains(text, "AUTH <password>"):
		return wrong("Redis at "+at+" wants a password", "put it into the URL: redis://:password@host:6379, or redis://user:password@host:6379")
	case kind == "WRONGPASS", strings.Contains(text, "invalid password"), strings.Contains(text, "without any password"):
		return wrong("Redis at "+at+" does not take the user and password", "look at them in the URL; characters such as @ / # ? are written %40 %2F %23 %3F")
	case kind == "NOPERM", strings.Contains(text, "The user executing the script"):
		return wrong("Redis at "+at+" does not let this user do what is needed ("+text+")",
			"allow it: ACL SETUSER name ~limit:* ~*read_* ~presence:* &chat:* +@pubsub +@scripting +@connection +@list +@sortedset +@hash "+
				"+time +info +type +get +mget +set +del +expire +cluster|slots")
	case kind == "DENIED":
		return wrong("Redis at "+at+" is in protected mode and takes connections of its own machine only", "give it a password, or bind it to the private network")
	case strings.Contains(text, "DB index"), strings.Contains(text, "SELECT is not allowed"):
		return wrong("Redis at "+at+" does not have the database number in the URL", "leave the number away")
	case kind == "READONLY":
		return fmt.Errorf("%w: %s is a read-only replica, so every node counts rate limits for itself, writes what is read at once, and learns of nobody that they are there; name the primary", ErrInPart, at)
	case kind == "OOM":
		return fmt.Errorf("%w: %s has no memory left, so every node counts rate limits for itself, writes what is read at once, and learns of nobody that they are there; give it more (maxmemory)", ErrInPart, at)
	}
	return fmt.Errorf("%w: %s answers %q", ErrAway, at, refusal.Error())
}
