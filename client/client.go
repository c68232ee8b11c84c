package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxAnswer bounds what is read of one REST answer: a page of 100 messages of 16,000 bytes, escaped.
const maxAnswer = 16 << 20

// Options are what a program may choose.
type Options struct {
	// HTTP makes the requests; nil for a client with a timeout of 30 s. Its cookie jar is not used.
	HTTP *http.Client
	// AccessToken signs in with a token made elsewhere ("parley token mint"). Without a refresh cookie
	// it is not replaced when it runs out.
	AccessToken string
}

// Client is one person's access to a server. Its methods may be called from any goroutine. Every error
// of a request is an *[Error], except that of a context that ended.
type Client struct {
	base *url.URL
	http *http.Client

	// renewing is held while a refresh is under way, so that many requests share one. It is always
	// taken before mu.
	renewing sync.Mutex
	mu       sync.Mutex
	token    token
	cookies  map[string]string
}

type token struct {
	text    string
	expires time.Time // zero when unknown
}

// New builds a client for the server at baseURL ("https://chat.example.org"). Nothing is sent yet.
func New(baseURL string, o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(baseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("base URL %q: want http(s)://host", baseURL)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 30 * time.Second}
	}
	plain := *o.HTTP
	plain.Jar = nil
	return &Client{base: base, http: &plain, token: token{text: o.AccessToken}, cookies: map[string]string{}}, nil
}

// do makes a signed-in request. A token about to run out, or refused, is renewed once if it can be.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body, answer any) error {
	used, err := c.AccessToken(ctx)
	if err != nil {
		return err
	}
	_, err = c.request(ctx, method, path, query, used, body, answer)
	if code := CodeOf(err); (code == CodeAuthFailed || code == CodeUnauthorized) && c.renewable() {
		if used, err = c.renew(ctx, used); err != nil {
			return err
		}
		_, err = c.request(ctx, method, path, query, used, body, answer)
	}
	return err
}

// request makes one request and decodes its answer into answer, unless that is nil. It returns the status.
func (c *Client) request(ctx context.Context, method, path string, query url.Values, bearer string, body, answer any) (int, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, fmt.Errorf("encode the request: %w", err)
		}
		payload = bytes.NewReader(text)
	}
	target := c.base.JoinPath(path)
	target.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, target.String(), payload)
	if err != nil {
		return 0, fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Accept", "application/json")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	isAuth := strings.HasPrefix(path, "/api/auth/")
	if isAuth {
		c.addCookies(r)
	}
	got, err := c.http.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return 0, networkError("The server cannot be reached.", err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	if err != nil {
		return 0, networkError("The answer was cut off.", err)
	}
	if isAuth {
		c.keepCookies(got)
	}
	if got.StatusCode >= 400 {
		return got.StatusCode, errorOf(got, text)
	}
	if answer == nil || len(text) == 0 {
		return got.StatusCode, nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return got.StatusCode, networkError("The answer is not the server's.", err)
	}
	return got.StatusCode, nil
}
