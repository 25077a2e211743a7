package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// ErrUnauthenticated says that the server does not know who asks.
var ErrUnauthenticated = errors.New("not signed in")

// ErrConflict says not now, since something else is under way.
var ErrConflict = errors.New("not now")

// Problem is what the server says of a request that it refuses. By errors.Is it is
// ErrUnauthenticated, ErrConflict, or of model's kinds.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Next   string `json:"next"`
}

// Error is what is the matter, and what to do.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if p.Next == "" {
		return text
	}
	return strings.TrimRight(text, ".") + ". " + p.Next
}

// Unwrap is the kind of the problem; nil where none is known.
func (p *Problem) Unwrap() error {
	return map[string]error{
		"unauthenticated": ErrUnauthenticated, "conflict": ErrConflict, "not-found": model.ErrNotFound,
		"denied": model.ErrDenied, "invalid": model.ErrInvalid, "unavailable": model.ErrTransient,
	}[path.Base(p.Type)]
}

// refusal is the error of an answer that is no success.
func (c *Client) refusal(got *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(got.Body, 1<<20))
	p := &Problem{}
	if strings.HasPrefix(got.Header.Get("Content-Type"), "application/problem+json") && json.Unmarshal(raw, p) == nil {
		return c.said(p, got.Header.Get("Retry-After"))
	}
	switch to := got.Header.Get("Location"); {
	case got.StatusCode/100 == 3 && to != "":
		return fmt.Errorf("%s leads to %s, and is not followed: give the server's own address", c.URL, plainly(got, to))
	case strings.Contains(string(raw), "HTTP request to an HTTPS server"):
		return fmt.Errorf("%s speaks TLS: give its address with https://", c.URL)
	}
	return fmt.Errorf("%s answers %s, and not as Fixpoint does: check the address, and what stands before the server", c.URL, got.Status)
}

// said is a problem with what this server's users do about it.
func (c *Client) said(p *Problem, after string) error {
	switch {
	case errors.Is(p, model.ErrInvalid):
		p.Next = "" // the detail says it
	case p.Status == http.StatusTooManyRequests && after != "":
		p.Next = "Try again in " + after + " seconds."
	case errors.Is(p, ErrUnauthenticated) && c.Token != "":
		p.Next = fmt.Sprintf("The token for %s is not taken, or not any more: sign in with 'fixpoint login %s'.", c.URL, c.URL)
	case errors.Is(p, ErrUnauthenticated):
		p.Next = fmt.Sprintf("Sign in with 'fixpoint login %s'.", c.URL)
	}
	return p
}

// plainly is where a redirect leads, without a query, which may hold secrets.
func plainly(got *http.Response, to string) string {
	u, err := got.Request.URL.Parse(to)
	if err != nil {
		return "another address"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// explain says why there was no answer.
func (c *Client) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	var slow net.Error
	const trust = "give the certificate of its authority with --ca-file"
	switch {
	case errors.As(err, &host):
		return fmt.Errorf("the certificate of %s is for another host: use the name that it is for, or correct the certificate (%s)", c.URL, host.Error())
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate of %s is signed by an authority that is not known: %s", c.URL, trust)
	case errors.As(err, &certificate):
		return fmt.Errorf("the certificate of %s is not good: %w: %s, or correct it", c.URL, certificate.Err, trust)
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%s speaks no TLS: give its address with http://, or switch TLS on there", c.URL)
	case errors.As(err, &name):
		return fmt.Errorf("there is no host of that name: %s: check the address of the server", name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: is the controller running there, and is the port that of --ui-listen?", c.URL)
	case errors.As(err, &slow) && slow.Timeout():
		return fmt.Errorf("%s does not answer in time: check the address and the network, or try again", c.URL)
	}
	var asking *url.Error
	if errors.As(err, &asking) {
		err = asking.Err // the address is said already
	}
	return fmt.Errorf("%s can't be asked: %w: check the address and the network", c.URL, err)
}
