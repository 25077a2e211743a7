package demo

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"
)

// TestUIListen: a port that was asked for is used or refused, never exchanged.
func TestUIListen(t *testing.T) {
	for name, c := range map[string]struct {
		opt  Options
		want string
	}{
		"asked for":             {Options{UIPort: 1234}, "127.0.0.1:1234"},
		"asked for, by CI":      {Options{UIPort: 1234, Once: true}, "127.0.0.1:1234"},
		"CI, which looks at no": {Options{Once: true}, "127.0.0.1:0"},
	} {
		if got := (&demo{Options: c.opt}).uiListen(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := (&demo{}).uiListen(); got != "127.0.0.1:8088" && got != "127.0.0.1:0" {
		t.Errorf("without a wish: %s", got)
	}
}

// TestPassword tells the generated password, or that there is none to be told.
func TestPassword(t *testing.T) {
	secret := func(name string, data map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": "argocd", "name": name}, "data": data,
		}}
	}
	accounts := secret("argocd-secret", map[string]any{"server.secretkey": "eA=="})
	for name, c := range map[string]struct {
		secrets []runtime.Object
		want    string
	}{
		"generated": {[]runtime.Object{accounts, secret(initialSecret, map[string]any{"password": "SGVsbG8="})}, "Hello"},
		"set since": {[]runtime.Object{accounts}, ""},
	} {
		client := fake.NewSimpleDynamicClient(runtime.NewScheme(), c.secrets...)
		d := &demo{layout: ownCluster, cluster: &cluster{client: client}}
		if got, err := d.uiPassword(t.Context()); err != nil || got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestPasswordLater waits for a controller that has not made it yet.
func TestPasswordLater(t *testing.T) {
	client := fake.NewSimpleDynamicClient(runtime.NewScheme())
	d := &demo{layout: ownCluster, cluster: &cluster{client: client}}
	told := make(chan string)
	go func() {
		password, err := d.uiPassword(t.Context())
		if err != nil {
			password = err.Error()
		}
		told <- password
	}()
	_, err := client.Resource(secrets).Namespace("argocd").Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": initialSecret}, "data": map[string]any{"password": "SGVsbG8="},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "Hello" {
		t.Errorf("it is told %q", got)
	}
}

func TestWelcome(t *testing.T) {
	var out strings.Builder
	d := &demo{Options: Options{Out: &out}, ui: "http://127.0.0.1:8088"}
	text := d.welcome("Hello")
	for _, want := range []string{"http://127.0.0.1:8088\n", "admin\n", "Hello\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Errorf("a file gets colours: %q", text)
	}
	if text := d.welcome(""); !strings.Contains(text, "you have set") {
		t.Errorf("without a password it says:\n%s", text)
	}
}

// TestAnswers: signing in is what a browser does, and anything but the wanted answer
// is an error.
func TestAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("password") == "right" && r.Header.Get("Origin") == "http://"+r.Host {
			http.Redirect(w, r, "/apps", http.StatusSeeOther)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	for password, fits := range map[string]bool{"right": true, "wrong": false} {
		err := answers(t.Context(), http.StatusSeeOther, http.MethodPost, server.URL+"/auth/login", url.Values{"password": {password}})
		if (err == nil) != fits {
			t.Errorf("password %q gives %v", password, err)
		}
	}
	server.Close()
	if err := answers(t.Context(), http.StatusOK, http.MethodGet, server.URL+"/", nil); err == nil {
		t.Error("nobody answers, and that is no error")
	}
}
