package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestControllerDefaults(t *testing.T) {
	inPod := map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOME": "/home/x"}
	outside := map[string]string{"HOME": "/home/x"}
	tests := map[string]struct {
		env   map[string]string
		flags ControllerFlags
		want  ControllerFlags
		err   string
	}{
		"in a pod":             {inPod, ControllerFlags{}, ControllerFlags{Listen: ":8080", UIListen: ":8088", DataDir: "/var/lib/fixpoint"}, ""},
		"outside":              {outside, ControllerFlags{Kubeconfig: "k"}, ControllerFlags{Kubeconfig: "k", Listen: "127.0.0.1:8080", UIListen: "127.0.0.1:8088", DataDir: "/home/x/.local/state/fixpoint"}, ""},
		"the state directory":  {map[string]string{"XDG_STATE_HOME": "/s"}, ControllerFlags{Kubeconfig: "k"}, ControllerFlags{Kubeconfig: "k", Listen: "127.0.0.1:8080", UIListen: "127.0.0.1:8088", DataDir: "/s/fixpoint"}, ""},
		"flags win":            {inPod, ControllerFlags{Listen: "a", UIListen: "off", DataDir: "b"}, ControllerFlags{Listen: "a", UIListen: "off", DataDir: "b"}, ""},
		"nowhere":              {outside, ControllerFlags{}, ControllerFlags{}, "--kubeconfig FILE"},
		"a context of nothing": {inPod, ControllerFlags{Context: "c"}, ControllerFlags{Context: "c"}, "--context needs --kubeconfig"},
		"no home":              {nil, ControllerFlags{Kubeconfig: "k"}, ControllerFlags{Kubeconfig: "k", Listen: "127.0.0.1:8080", UIListen: "127.0.0.1:8088"}, "give --data-dir DIR"},
		"half a certificate":   {inPod, ControllerFlags{TLSCert: "c"}, ControllerFlags{TLSCert: "c"}, "belong together"},
		"negative workers":     {inPod, ControllerFlags{Workers: -1}, ControllerFlags{Workers: -1}, "has to be positive"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := tt.flags
			err := got.complete(func(k string) string { return tt.env[k] })
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestResourcesOf(t *testing.T) {
	got, err := resourcesOf([]string{"apps:Deployment:my-app/web", ":Namespace:my-app", "rbac.authorization.k8s.io:ClusterRole:system:x"})
	if err != nil {
		t.Fatal(err)
	}
	want := []any{
		map[string]any{"group": "apps", "kind": "Deployment", "namespace": "my-app", "name": "web"},
		map[string]any{"kind": "Namespace", "name": "my-app"},
		map[string]any{"group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "Deployment", "apps:Deployment", "apps::web", "apps:Deployment:"} {
		if _, err := resourcesOf([]string{bad}); err == nil {
			t.Errorf("--resource %q is taken", bad)
		}
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	tb := &table{header: []string{"NAME", "STATE", "MESSAGE"}}
	tb.add("größe", "", "x")
	tb.add("a-long-name", "Ready", "")
	tb.print(&out)
	want := "NAME          STATE   MESSAGE\ngröße         -       x\na-long-name   Ready\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBrief(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{
		{"short", 10, "short"}, {"0123456789x", 10, "012345678…"}, {"one\ntwo", 10, "one …"}, {"one\ntwo", 0, "one two"}, {"", 5, ""},
	} {
		if got := brief(tt.text, tt.n); got != tt.want {
			t.Errorf("brief(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}
