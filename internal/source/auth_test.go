package source

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// protect lets only these user:password pairs in.
func protect(s *gitserver.Server, pairs ...string) {
	s.Allow = func(_, user, password string) bool {
		return slices.Contains(pairs, user+":"+password)
	}
}

func TestHTTPCredentials(t *testing.T) {
	git := gitserver.New(t.TempDir())
	protect(git, "ann:pass word%1", ":token")
	t.Cleanup(git.Close)
	if err := errors.Join(git.Create(t.Context(), "app"), git.Start()); err != nil {
		t.Fatal(err)
	}
	commit(t, git, "main", map[string]*string{"f": text("1")})
	url := git.URL("app")
	inURL := strings.Replace(url, "://", "://ann:pass%20word%251@", 1)
	r := store(t, Config{}).run(t)
	cases := map[string]struct {
		url  string
		auth model.Auth
		err  error
	}{
		"password":        {url: url, auth: model.Auth{Username: "ann", Password: "pass word%1"}},
		"bearer":          {url: url, auth: model.Auth{BearerToken: "token"}},
		"in the URL":      {url: inURL},
		"none":            {url: url, err: model.ErrDenied},
		"wrong":           {url: url, auth: model.Auth{Username: "ann", Password: "other"}, err: model.ErrDenied},
		"wrong bearer":    {url: url, auth: model.Auth{BearerToken: "other"}, err: model.ErrDenied},
		"line break":      {url: url, auth: model.Auth{Username: "ann", Password: "pass\nhost=evil"}, err: model.ErrInvalid},
		"no repository":   {url: strings.Replace(url, "app", "none", 1), auth: model.Auth{Username: "ann", Password: "pass word%1"}, err: model.ErrNotFound},
		"nobody listens":  {url: "http://127.0.0.1:1/app", err: model.ErrTransient},
		"not a git place": {url: "http://127.0.0.1:1", err: model.ErrInvalid},
	}
	for name, c := range cases {
		key := model.SourceKey(name)
		r.Set(key, model.Source{URL: c.url, Auth: c.auth})
		if c.err != nil {
			r.bad(t, key, c.err)
			continue
		}
		snap := r.good(t, key)
		if got := read(t, snap, "f"); got != "1" || strings.Contains(snap.URL, "ann") {
			t.Errorf("%s: f is %q of %s", name, got, snap.URL)
		}
	}
}

// A private repository whose objects are on disk for one set of credentials is
// not readable with others, by a branch or by a commit id.
func TestCredentialsAreIsolated(t *testing.T) {
	git := gitserver.New(t.TempDir())
	protect(git, "ann:secret")
	t.Cleanup(git.Close)
	if err := errors.Join(git.Create(t.Context(), "app"), git.Start()); err != nil {
		t.Fatal(err)
	}
	old := commit(t, git, "main", map[string]*string{"f": text("1")})
	id := commit(t, git, "main", map[string]*string{"f": text("2")})
	dir := t.TempDir()
	ann := model.Auth{Username: "ann", Password: "secret"}
	refs := map[string]model.Ref{"branch": {Branch: "main"}, "commit": {Commit: id}, "old": {Commit: old}, "short": {Any: old[:8]}}

	r := store(t, Config{Dir: dir}).run(t)
	for name, ref := range refs {
		key := model.SourceKey("ann " + name)
		r.Set(key, model.Source{URL: git.URL("app"), Ref: ref, Auth: ann})
		read(t, r.good(t, key), "f")
	}
	others := func(r *running) {
		t.Helper()
		for name, ref := range refs {
			for who, auth := range map[string]model.Auth{"nobody": {}, "bob": {Username: "bob", Password: "guess"}} {
				key := model.SourceKey(who + " " + name)
				r.Set(key, model.Source{URL: git.URL("app"), Ref: ref, Auth: auth})
				st := r.refresh(t, key)
				if st.Err == nil || st.Snapshot != nil {
					t.Errorf("%s got %+v, error %v", key, st.Snapshot, st.Err)
				}
			}
		}
	}
	others(r)
	r.stop()
	git.Stop()
	again := store(t, Config{Dir: dir}).run(t)
	others(again)
	for name, ref := range refs {
		key := model.SourceKey("ann " + name)
		again.Set(key, model.Source{URL: git.URL("app"), Ref: ref, Auth: ann})
		if st := again.bad(t, key, model.ErrTransient); st.Snapshot == nil {
			t.Errorf("%s has no content after a restart without the server", key)
		} else {
			read(t, st.Snapshot, "f")
		}
	}
}

// The password is planted in every place where it could come out of.
func TestSecretsAreNotInErrorsLogsOrFiles(t *testing.T) {
	const secret = "hunter2/with%odd+chars"
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if password == "" && r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		// A server that repeats what it got, where git prints it.
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintln(w, "failed for", user, password, r.Header.Get("Authorization"))
	}))
	t.Cleanup(echo.Close)
	var log bytes.Buffer
	dir := t.TempDir()
	r := store(t, Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))}).run(t)
	hidden := []string{secret, "hunter2", "odd+chars"}
	sources := map[string]model.Source{
		"basic":     {URL: echo.URL + "/app", Auth: model.Auth{Username: "u", Password: secret}},
		"bearer":    {URL: echo.URL + "/app", Auth: model.Auth{BearerToken: secret}},
		"url":       {URL: strings.Replace(echo.URL, "://", "://u:hunter2%2Fwith%25odd%2Bchars@", 1) + "/app"},
		"bad url":   {URL: "https://u:" + secret + "@host/app"},
		"bad url 2": {URL: "u:hunter2@host:app"},
		"ext":       {URL: "ext::sh -c hunter2@x"},
		"down":      {URL: "http://u:hunter2@127.0.0.1:1/app"},
		"ssh":       {URL: "ssh://git:hunter2@127.0.0.1:1/app", Auth: model.Auth{SSHKey: "hunter2", KnownHosts: "x"}},
		"ssh pass":  {URL: "ssh://git@127.0.0.1:1/app", Auth: model.Auth{SSHKey: sshKey(t, "right").pem, SSHPassword: "hunter2", KnownHosts: "x"}},
	}
	for name, src := range sources {
		key := model.SourceKey(name)
		r.Set(key, src)
		st := r.refresh(t, key)
		if st.Err == nil {
			t.Errorf("%s has no error", name)
			continue
		}
		all := st.Err.Error() + fmt.Sprintf("%+v %#v", st, src.Auth)
		for _, h := range hidden {
			if strings.Contains(all, h) {
				t.Errorf("%s: %q is in %s", name, h, all)
			}
		}
	}
	r.stop()
	for _, h := range hidden {
		if strings.Contains(log.String(), h) {
			t.Errorf("%q is in the log:\n%s", h, &log)
		}
	}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("hunter2")) || strings.Contains(path, "hunter2") {
			t.Errorf("the password is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A redirect to another host must not take the credentials along.
func TestRedirectKeepsCredentials(t *testing.T) {
	got := make(chan string, 100)
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Authorization")
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(thief.Close)
	honest := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, thief.URL+r.URL.String(), http.StatusMovedPermanently)
	}))
	t.Cleanup(honest.Close)
	r := store(t, Config{}).run(t)
	for name, auth := range map[string]model.Auth{"basic": {Username: "u", Password: "p"}, "bearer": {BearerToken: "p"}} {
		r.Set(model.SourceKey(name), model.Source{URL: honest.URL + "/app.git", Auth: auth})
		if st := r.refresh(t, model.SourceKey(name)); st.Err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r.stop()
	close(got)
	for header := range got {
		if header != "" {
			t.Errorf("the other host got %q", header)
		}
	}
}

type keyPair struct {
	pem    string
	public ssh.PublicKey
}

// sshKey makes a key; its private half has a passphrase if that is not "".
func sshKey(t *testing.T, passphrase string) keyPair {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{string(pem.EncodeToMemory(block)), pub}
}

func TestSSH(t *testing.T) {
	git := server(t)
	plain, locked, stranger := sshKey(t, ""), sshKey(t, "open sesame"), sshKey(t, "")
	if err := git.StartSSH(plain.public, locked.public); err != nil {
		t.Fatal(err)
	}
	commit(t, git, "main", map[string]*string{"f": text("1")})
	url, hosts := git.SSHURL("app"), git.KnownHosts()
	otherHost := strings.Fields(hosts)[0] + " " + string(ssh.MarshalAuthorizedKey(stranger.public))
	r := store(t, Config{}).run(t)
	cases := map[string]struct {
		auth   model.Auth
		err    error
		saying string
	}{
		"key":              {auth: model.Auth{SSHKey: plain.pem, KnownHosts: hosts}},
		"passphrase":       {auth: model.Auth{SSHKey: locked.pem, SSHPassword: "open sesame", KnownHosts: hosts}},
		"insecure":         {auth: model.Auth{SSHKey: plain.pem, Insecure: true}},
		"no end of line":   {auth: model.Auth{SSHKey: strings.TrimSpace(plain.pem), KnownHosts: strings.TrimSpace(hosts)}},
		"no key":           {auth: model.Auth{KnownHosts: hosts}, err: model.ErrDenied, saying: "SSH key"},
		"no hosts":         {auth: model.Auth{SSHKey: plain.pem}, err: model.ErrDenied, saying: "known hosts"},
		"other host":       {auth: model.Auth{SSHKey: plain.pem, KnownHosts: otherHost}, err: model.ErrDenied, saying: "host key"},
		"stranger":         {auth: model.Auth{SSHKey: stranger.pem, KnownHosts: hosts}, err: model.ErrDenied, saying: "refused the SSH key"},
		"no passphrase":    {auth: model.Auth{SSHKey: locked.pem, KnownHosts: hosts}, err: model.ErrInvalid, saying: "passphrase"},
		"wrong passphrase": {auth: model.Auth{SSHKey: locked.pem, SSHPassword: "x", KnownHosts: hosts}, err: model.ErrDenied, saying: "passphrase"},
		"no PEM":           {auth: model.Auth{SSHKey: "nonsense", KnownHosts: hosts}, err: model.ErrInvalid, saying: "PEM"},
	}
	for name, c := range cases {
		key := model.SourceKey(name)
		r.Set(key, model.Source{URL: url, Auth: c.auth})
		if c.err != nil {
			if st := r.bad(t, key, c.err); !strings.Contains(st.Err.Error(), c.saying) {
				t.Errorf("%s: error %v, want %q in it", name, st.Err, c.saying)
			}
			continue
		}
		if got := read(t, r.good(t, key), "f"); got != "1" {
			t.Errorf("%s: f is %q", name, got)
		}
	}
	// What failed is tried again in the background meanwhile.
	until(t, "a moment without key files", func() bool {
		left, err := os.ReadDir(r.git.tmp)
		if err != nil {
			t.Fatal(err)
		}
		return len(left) == 0
	})
}
