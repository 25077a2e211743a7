package sops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"golang.org/x/oauth2"
)

// guard lets requests through to hosts that belong to a service, over HTTPS
// only, and keeps how the last one ended: the libraries' errors are not passed
// on, since they quote what was sent and answered.
type guard struct {
	next    http.RoundTripper
	allowed func(host string) bool
	// refused is set once a request had another target.
	refused atomic.Bool
	status  atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" || !g.allowed(strings.ToLower(r.URL.Host)) {
		g.refused.Store(true)
		return nil, errors.New("the target is not allowed")
	}
	answer, err := g.next.RoundTrip(r)
	if err != nil {
		g.status.Store(0)
		return nil, err
	}
	g.status.Store(int64(answer.StatusCode))
	return answer, nil
}

// guarded is a client for one request to a service, which follows no redirects.
func (k *Keys) guarded(allowed func(host string) bool) (*http.Client, *guard) {
	g := &guard{next: k.base, allowed: allowed}
	return &http.Client{Transport: g, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}, g
}

// post sends JSON and reads JSON.
func post(ctx context.Context, client *http.Client, to string, header http.Header, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", "application/json")
	w, err := client.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	if w.StatusCode != http.StatusOK {
		return errors.New(w.Status)
	}
	const most = 1 << 20
	return json.NewDecoder(io.LimitReader(w.Body, most)).Decode(answer)
}

// outcome is the error for a request to a service that failed.
func (g *guard) outcome(ctx context.Context, service string, err error) error {
	status := int(g.status.Load())
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.Response != nil {
		status = e.Response.StatusCode
	}
	if e, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && e.RawResponse != nil {
		status = e.RawResponse.StatusCode
	}
	switch {
	case g.refused.Load():
		return denied("%s would have been asked at a host that is not its own", service)
	case ctx.Err() != nil:
		return model.As(model.ErrTransient, errors.New(service+" did not answer in time"))
	case status == 0:
		return model.As(model.ErrTransient, errors.New(service+" can't be reached"))
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		return model.As(model.ErrTransient, errors.New(service+" is not able to answer: "+http.StatusText(status)))
	case status >= http.StatusMultipleChoices:
		return denied("%s refuses: %s", service, http.StatusText(status))
	}
	return denied("the answer of %s can't be used", service)
}

// below allows the hosts below domains, and those that equal one.
func below(domains ...string) func(string) bool {
	return func(host string) bool {
		host = strings.TrimSuffix(host, ":443")
		for _, d := range domains {
			if host == d || strings.HasSuffix(host, "."+d) {
				return true
			}
		}
		return false
	}
}
