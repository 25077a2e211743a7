package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	// maxDownload bounds a file, maxKept what is remembered of all of them.
	maxDownload = 10 << 20
	maxKept     = 64 << 20
	// fresh is how long a file is used without asking whether it has changed.
	fresh = 3 * time.Minute
	// rest is how long a server that is down is left alone, where there is a file of
	// it: all that use the file would wait for the server otherwise.
	rest = 30 * time.Second
)

// Downloads fetches files by their URLs and remembers them. Its methods may be
// called from several goroutines.
type Downloads struct {
	policy Policy
	client *http.Client
	now    func() time.Time

	mu   sync.Mutex
	kept map[string]file
	size int
}

type file struct {
	data    []byte
	etag    string
	checked time.Time
}

// NewDownloads fetches what the policy allows. An address of the machine itself
// or of its link is refused, whatever name leads there, unless the policy names
// the host.
func NewDownloads(p Policy) *Downloads {
	d := &Downloads{policy: p, now: time.Now, kept: map[string]file{}}
	d.client = &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: d.dial, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > 5 {
				return errors.New("more than 5 redirects")
			}
			return p.CheckRemote(req.Context(), req.URL.String())
		},
	}
	return d
}

// Get is the content of a URL. One that is down is served from memory.
func (d *Downloads) Get(ctx context.Context, url string) ([]byte, error) {
	if err := d.policy.Check(url); err != nil {
		return nil, err
	}
	d.mu.Lock()
	old, known := d.kept[url]
	d.mu.Unlock()
	if known && d.now().Sub(old.checked) < fresh {
		return old.data, nil
	}
	// Who connects checks again, but what goes through a proxy is not seen there.
	if err := d.policy.CheckRemote(ctx, url); err != nil {
		return nil, err
	}
	got, err := d.fetch(ctx, url, old)
	if err != nil {
		if known && errors.Is(err, model.ErrTransient) && ctx.Err() == nil {
			old.checked = d.now().Add(rest - fresh)
			d.keep(url, old)
		}
		if known && errors.Is(err, model.ErrTransient) {
			return old.data, nil
		}
		return nil, fmt.Errorf("downloading %s: %w", Redact(url), err)
	}
	d.keep(url, got)
	return got.data, nil
}

func (d *Downloads) fetch(ctx context.Context, url string, old file) (file, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return file{}, model.Invalidf("it is no URL that can be asked for")
	}
	if old.etag != "" {
		req.Header.Set("If-None-Match", old.etag)
	}
	res, err := d.client.Do(req)
	if err != nil {
		return file{}, transportError(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusNotModified && old.data != nil {
		old.checked = d.now()
		return old, nil
	}
	if err := statusError(res.StatusCode); err != nil {
		return file{}, err
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxDownload+1))
	if err != nil {
		return file{}, model.As(model.ErrTransient, errors.New("the connection broke"))
	}
	if len(data) > maxDownload {
		return file{}, model.Invalidf("it has more than %d bytes", maxDownload)
	}
	return file{data: data, etag: res.Header.Get("ETag"), checked: d.now()}, nil
}

// transportError leaves out the URL that Go's errors print, with its query.
func transportError(err error) error {
	for _, kind := range []error{model.ErrDenied, model.ErrInvalid} {
		if errors.Is(err, kind) {
			return model.As(kind, inner(err))
		}
	}
	return model.As(model.ErrTransient, inner(err))
}

func inner(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		var denied *deniedError
		if errors.As(err, &denied) {
			return denied
		}
		err = next
	}
}

func statusError(status int) error {
	switch status {
	case http.StatusOK:
		return nil
	case http.StatusNotFound, http.StatusGone:
		return model.As(model.ErrNotFound, model.Invalidf("the server has no such file (%d)", status))
	case http.StatusUnauthorized, http.StatusForbidden:
		return model.As(model.ErrDenied, fmt.Errorf("the server refuses it (%d); files that need credentials can't be downloaded", status))
	}
	return model.As(model.ErrTransient, fmt.Errorf("the server answers with %d", status))
}

// keep remembers a file, and forgets all others where they become too many.
func (d *Downloads) keep(url string, f file) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.size += len(f.data) - len(d.kept[url].data)
	if d.size > maxKept {
		clear(d.kept)
		d.size = len(f.data)
	}
	d.kept[url] = f
}

// deniedError is an address that a name led to and that nobody allowed.
type deniedError struct{ addr string }

func (e *deniedError) Error() string {
	return "the address " + e.addr + " is of this machine or its link; name its host with --allow-remote if it is meant"
}

func (e *deniedError) Is(target error) bool { return target == model.ErrDenied }

// named reports whether the operator has named the host of an address. The port
// of a scheme goes without saying.
func (d *Downloads) named(addr string) bool {
	for scheme, port := range map[string]string{"https://": ":443", "http://": ":80"} {
		if d.policy.Names(scheme+addr) || d.policy.Names(scheme+strings.TrimSuffix(addr, port)) {
			return true
		}
	}
	return false
}

// dial refuses addresses that only this machine can reach.
func (d *Downloads) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !d.named(addr) {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || IsLocal(to.Addr()) {
				return &deniedError{address}
			}
			return nil
		}
	}
	return dialer.DialContext(ctx, network, addr)
}

// IsLocal reports whether an address is of the machine itself or of its link,
// as those of metadata services are.
func IsLocal(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() || a.IsMulticast() || a.IsUnspecified()
}
