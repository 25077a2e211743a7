package lfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

const (
	mediaType = "application/vnd.git-lfs+json"
	maxAnswer = 1 << 20
)

// Server is the LFS server of a repository.
type Server struct {
	// URL is its endpoint, without /objects/batch.
	URL string
	// Settings are for the server itself; other hosts, which it may name for
	// downloads, get nothing of it but the CA.
	Settings fetch.Settings
	// Header is sent to the server itself: who we are there.
	Header http.Header
}

// action is how an object is downloaded.
type action struct {
	Href   string            `json:"href"`
	Header map[string]string `json:"header"`
}

type batchAnswer struct {
	Transfer string `json:"transfer"`
	Objects  []struct {
		OID     string `json:"oid"`
		Actions struct {
			Download *action `json:"download"`
		} `json:"actions"`
		Error *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	} `json:"objects"`
}

// Get is the content that a pointer stands for. Its size and its SHA-256 are
// checked.
func (s Server) Get(ctx context.Context, p Pointer) ([]byte, error) {
	at, err := url.Parse(s.URL)
	if err != nil || at.Host == "" {
		return nil, model.Invalidf("the URL of the LFS server can't be parsed")
	}
	a, err := s.batch(ctx, at, p)
	if err != nil {
		return nil, err
	}
	return s.download(ctx, at, a, p)
}

func (s Server) batch(ctx context.Context, at *url.URL, p Pointer) (action, error) {
	what := "asking the LFS server " + at.Host
	body, err := json.Marshal(map[string]any{
		"operation": "download", "transfers": []string{"basic"}, "hash_algo": "sha256",
		"objects": []map[string]any{{"oid": p.OID, "size": p.Size}},
	})
	if err != nil {
		return action{}, err
	}
	client, err := s.Settings.Client(at.Host)
	if err != nil {
		return action{}, err
	}
	defer client.CloseIdleConnections()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(s.URL, "/")+"/objects/batch", bytes.NewReader(body))
	if err != nil {
		return action{}, model.Invalidf("the URL of the LFS server can't be parsed")
	}
	maps.Copy(r.Header, s.Header)
	r.Header.Set("Accept", mediaType)
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("User-Agent", fetch.UserAgent)
	resp, err := client.Do(r)
	if err != nil {
		return action{}, s.Settings.Error(what, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return action{}, fetch.Status(what, resp.StatusCode)
	}
	var answer batchAnswer
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer); err != nil {
		return action{}, model.As(model.ErrTransient, fmt.Errorf("%s: the answer is not the JSON of a batch", what))
	}
	return choose(what, answer, p)
}

// choose is the download of the one object that was asked for.
func choose(what string, answer batchAnswer, p Pointer) (action, error) {
	if answer.Transfer != "" && answer.Transfer != "basic" {
		return action{}, model.As(model.ErrTransient, fmt.Errorf("%s: it wants a transfer that was not offered", what))
	}
	for _, o := range answer.Objects {
		switch {
		case o.OID != p.OID:
		case o.Error != nil:
			return action{}, fetch.Status(what+" for the object "+p.OID, o.Error.Code)
		case o.Actions.Download != nil:
			return *o.Actions.Download, nil
		}
	}
	return action{}, model.As(model.ErrNotFound, fmt.Errorf("%s: it has no object %s; push it with git lfs push", what, p.OID))
}

// download gets an object from where the server says that it is.
func (s Server) download(ctx context.Context, at *url.URL, a action, p Pointer) ([]byte, error) {
	from, err := at.Parse(a.Href)
	if err != nil || from.Host == "" || from.User != nil || from.Scheme != "https" && (from.Scheme != "http" || at.Scheme != "http") {
		return nil, model.As(model.ErrDenied, errors.New("the LFS server names a place for downloads that is not allowed: it has to be an https:// URL"))
	}
	what := "downloading the LFS object " + p.OID + " from " + from.Host
	settings := fetch.Settings{Auth: model.Auth{CA: s.Settings.Auth.CA}, Proxy: s.Settings.Proxy, Hosts: s.Settings.Hosts}
	if fetch.SameOrigin(at, from) {
		settings = s.Settings
	}
	client, err := settings.Client(from.Host)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	client.CheckRedirect = s.redirect(a)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, model.Invalidf("%s: the URL can't be parsed", what)
	}
	for name, value := range a.Header {
		r.Header.Set(name, value)
	}
	if r.Header.Get("Authorization") == "" && fetch.SameOrigin(at, from) {
		maps.Copy(r.Header, s.Header)
	}
	r.Header.Set("User-Agent", fetch.UserAgent)
	resp, err := client.Do(r)
	if err != nil {
		return nil, settings.Error(what, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fetch.Status(what, resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, p.Size+1))
	if err != nil {
		return nil, settings.Error(what, err)
	}
	if err := p.Check(data); err != nil {
		return nil, model.As(model.ErrTransient, fmt.Errorf("%s: %w", what, err))
	}
	return data, nil
}

// redirect keeps all that the server gave us for one origin at that origin.
func (s Server) redirect(a action) func(*http.Request, []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		if !fetch.SameOrigin(via[0].URL, r.URL) {
			for name := range a.Header {
				r.Header.Del(name)
			}
			for name := range s.Header {
				r.Header.Del(name)
			}
		}
		return fetch.Redirect(r, via)
	}
}

// Check compares data with what the pointer says.
func (p Pointer) Check(data []byte) error {
	if int64(len(data)) != p.Size {
		return fmt.Errorf("it has not the size that the repository says (%d bytes)", p.Size)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != p.OID {
		return errors.New("its content is not what the repository says: the SHA-256 differs")
	}
	return nil
}
