package demo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// uiPort is where the web UI is looked for: there, unless the port is taken.
const uiPort = 8088

// Who may sign in at first, and where the password is told.
const (
	uiUser        = "admin"
	initialSecret = "argocd-initial-admin-secret"
)

// uiListen is the address for the web UI: the port that was asked for, else the
// usual one if it is free. A demo that nobody looks at takes any.
func (d *demo) uiListen() string {
	if d.UIPort != 0 {
		return "127.0.0.1:" + strconv.Itoa(d.UIPort)
	}
	const free = "127.0.0.1:0"
	if d.Once {
		return free
	}
	usual := "127.0.0.1:" + strconv.Itoa(uiPort)
	l, err := net.Listen("tcp", usual)
	if err != nil {
		return free
	}
	_ = l.Close()
	return usual
}

// uiPassword is admin's first password, as soon as the controller has made it.
// It is "" where the user has deleted the Secret that tells it.
func (d *demo) uiPassword(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("it took too long"))
	defer cancel()
	secrets := d.cluster.client.Resource(secrets).Namespace(d.layout.argo)
	for {
		// In the order opposite to that in which the controller makes them.
		_, made := secrets.Get(ctx, "argocd-secret", metav1.GetOptions{})
		initial, err := secrets.Get(ctx, initialSecret, metav1.GetOptions{})
		if err == nil {
			return secretValue(initial, "password")
		}
		if !apierrors.IsNotFound(err) {
			return "", fmt.Errorf("reading Secret %s: %w", initialSecret, err)
		}
		if made == nil {
			return "", nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for Secret %s: %w", initialSecret, context.Cause(ctx))
		}
	}
}

// welcome says how to open the web UI.
func (d *demo) welcome(password string) string {
	if password == "" {
		password = "the one that you have set"
	}
	bold, rule, end := "", "", ""
	if terminal(d.Out) {
		bold, rule, end = "\x1b[1m", "\x1b[36m", "\x1b[0m"
	}
	line := rule + strings.Repeat("─", 60) + end
	field := func(name, value string) string { return fmt.Sprintf("  %-10s%s%s%s", name, bold, value, end) }
	return strings.Join([]string{
		line, field("Web UI", d.ui), field("Name", uiUser), field("Password", password), line,
	}, "\n")
}

// terminal reports whether somebody who likes colours reads what is written.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// tryUI looks whether the controller is ready, and whether its web UI shows
// itself and lets admin in.
func (d *demo) tryUI(ctx context.Context) ([]result, error) {
	d.heading("7. The web UI: sign in with the generated password")
	password, err := d.uiPassword(ctx)
	if err != nil {
		return nil, err
	}
	if err := answers(ctx, http.StatusOK, http.MethodGet, "http://"+*d.host.receiver.Load()+"/readyz", nil); err != nil {
		return nil, err
	}
	if err := answers(ctx, http.StatusOK, http.MethodGet, d.ui+"/auth/login", nil); err != nil {
		return nil, err
	}
	form := url.Values{"name": {uiUser}, "password": {password}, "return": {"/apps"}}
	if err := answers(ctx, http.StatusSeeOther, http.MethodPost, d.ui+"/auth/login", form); err != nil {
		return nil, err
	}
	d.out.say("    the web UI answers, and lets %s in", uiUser)
	return nil, nil
}

// answers asks for a page, as a browser that follows no redirects.
func answers(ctx context.Context, want int, method, page string, form url.Values) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, page, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "http://"+req.URL.Host)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", page, err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		return fmt.Errorf("%s %s answers %s instead of %d", method, page, resp.Status, want)
	}
	return nil
}

// secretValue is a value of a Secret.
func secretValue(u *unstructured.Unstructured, key string) (string, error) {
	text, _, err := unstructured.NestedString(u.Object, "data", key)
	if err != nil {
		return "", err
	}
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("reading %s of Secret %s: %w", key, u.GetName(), err)
	}
	return string(value), nil
}
