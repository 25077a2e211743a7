package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/client"
)

// logins are the servers that one is signed in to, as their file has them: YAML, for its
// owner alone, since it holds the tokens.
type logins struct {
	// Current is the address of the one that is asked if none is named; "" is none.
	Current string  `json:"current,omitempty"`
	Servers []login `json:"servers,omitempty"`
}

// login is a server with a token for it.
type login struct {
	URL   string `json:"url"`
	User  string `json:"user,omitempty"`
	Token string `json:"token,omitempty"`
	// Expires is when the token ends; zero if that is not known.
	Expires   time.Time `json:"expires,omitzero"`
	CAFile    string    `json:"caFile,omitempty"`
	Insecure  bool      `json:"insecureSkipTLSVerify,omitempty"`
	PlainHTTP bool      `json:"plainHTTP,omitempty"`
}

func (l login) client() (*client.Client, error) {
	return client.New(client.Config{
		URL: l.URL, Token: l.Token, TLS: client.TLS{CAFile: l.CAFile, Insecure: l.Insecure}, PlainHTTP: l.PlainHTTP,
		Agent: "fixpoint/" + Version(),
	})
}

// loginFile is where logins are kept: $XDG_CONFIG_HOME/fixpoint/config.yaml, or below
// ~/.config; "" where there is no home.
func loginFile(env func(string) string) string {
	base := env("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		home := env("HOME")
		if home == "" {
			return ""
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "fixpoint", "config.yaml")
}

// readLogins reads the file; there are none without it.
func readLogins(file string) (logins, error) {
	var out logins
	if file == "" {
		return out, nil
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("reading who is signed in: %w", err)
	}
	if yaml.UnmarshalStrict(data, &out) != nil { // the error may have a token in it
		return out, fmt.Errorf("%s can't be read: correct it, or delete it and sign in again", file)
	}
	return out, nil
}

// write replaces the file. Nobody but its owner can ever read it, and nobody reads half
// of it.
func (l logins) write(file string) error {
	if file == "" {
		return errors.New("there is no place for the login: set $HOME or $XDG_CONFIG_HOME, or give $FIXPOINT_SERVER and $FIXPOINT_TOKEN instead of signing in")
	}
	data, err := yaml.Marshal(l)
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keeping the login: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".config-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("keeping the login: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("keeping the login: %w", err)
	}
	return nil
}

// of is the login of an address; nil if there is none.
func (l *logins) of(address string) *login {
	i := slices.IndexFunc(l.Servers, func(s login) bool { return s.URL == address })
	if i < 0 {
		return nil
	}
	return &l.Servers[i]
}

// put adds a login, in place of one to the same server, and makes it the current one.
func (l *logins) put(s login) {
	l.drop(s.URL)
	l.Servers = append(l.Servers, s)
	slices.SortFunc(l.Servers, func(a, b login) int { return strings.Compare(a.URL, b.URL) })
	l.Current = s.URL
}

// drop takes a login out.
func (l *logins) drop(address string) {
	l.Servers = slices.DeleteFunc(l.Servers, func(s login) bool { return s.URL == address })
	if l.Current == address {
		l.Current = ""
	}
}
