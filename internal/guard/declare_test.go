package guard

import (
	"errors"
	"maps"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// inProject is an Edit to an Application of a project, which makes one of nothing or not.
func inProject(project string, makes bool) view.Edit {
	return func(now map[string]any) (map[string]any, error) {
		if now == nil && !makes {
			return nil, model.ErrNotFound
		}
		spec := map[string]any{"source": map[string]any{"path": "a"}}
		if project != "" {
			spec["project"] = project
		}
		return map[string]any{"metadata": map[string]any{}, "spec": spec}, nil
	}
}

// declarers are readers by what they may do.
const declarers = `
p, maker, applications, create, shop/*, allow
p, adder, applications, create, shop/*, allow
p, adder, applications, get, shop/*, allow
p, changer, applications, get, shop/*, allow
p, changer, applications, update, shop/*, allow
p, blind, applications, update, shop/*, allow
p, mover, applications, *, shop/*, allow
p, mover, applications, create, payments/*, allow
p, both, applications, *, shop/*, allow
p, both, applications, *, payments/*, allow
p, elsewhere, applications, create, shop/team-web/*, allow`

// TestSecurityDeclaring: what a change of a declaration takes is asked of the project that
// the Application is in, and of the one that it comes to be in.
func TestSecurityDeclaring(t *testing.T) {
	fresh := viewtest.Key(view.KindApplication, "argocd", "fresh")
	for name, c := range map[string]struct {
		who  string
		app  model.AppKey
		edit view.Edit
		want error
	}{
		"creating with the right":                       {"maker", fresh, inProject("shop", true), nil},
		"creating in another project":                   {"maker", fresh, inProject("payments", true), model.ErrDenied},
		"creating without a project, which is default":  {"maker", fresh, inProject("", true), model.ErrDenied},
		"creating in a project of a hostile name":       {"maker", fresh, inProject("shop/../payments", true), model.ErrDenied},
		"creating what there is and can't be seen":      {"maker", payments, inProject("shop", true), view.ErrConflict},
		"changing what there is with the right to make": {"both", frontend, inProject("shop", true), nil},
		"changing what there is with the right to see":  {"adder", frontend, inProject("shop", true), model.ErrDenied},
		"moving what there is by making it":             {"mover", frontend, inProject("payments", true), model.ErrDenied},
		"creating with the right to change":             {"changer", fresh, inProject("shop", true), model.ErrDenied},
		"creating with a right of another namespace":    {"elsewhere", fresh, inProject("shop", true), model.ErrDenied},
		"changing with the right":                       {"changer", frontend, inProject("shop", false), nil},
		"changing what can't be seen":                   {"blind", frontend, inProject("shop", false), model.ErrNotFound},
		"changing what there is not":                    {"changer", fresh, inProject("shop", false), model.ErrNotFound},
		"changing without the right":                    {"maker", frontend, inProject("shop", false), model.ErrNotFound},
		"moving with the right in the old project only": {"changer", frontend, inProject("payments", false), model.ErrDenied},
		"moving without the right to update there":      {"mover", frontend, inProject("payments", false), model.ErrDenied},
		"moving from a project without rights":          {"changer", payments, inProject("shop", false), model.ErrNotFound},
		"moving to default":                             {"both", frontend, inProject("", false), model.ErrDenied},
		"moving with all rights":                        {"both", frontend, inProject("payments", false), nil},
		"a name that is none":                           {"admin", viewtest.Key(view.KindApplication, "argocd", "a/b"), inProject("shop", true), model.ErrInvalid},
		"a namespace that is none":                      {"admin", viewtest.Key(view.KindApplication, "argocd/x", "a"), inProject("shop", true), model.ErrInvalid},
		"one of Flux's kinds":                           {"admin", fluxApps, inProject("shop", false), model.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, declarers)
			_, err := s.as(c.who).Declare(t.Context(), c.app, c.edit)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if done := len(s.sample.Deeds()) > 0; done != (c.want == nil) {
				t.Errorf("done: %v", s.sample.Deeds())
			}
		})
	}
}

// TestSecurityDeclaringSeesNoMore: the Edit of who may not change an Application is never
// given it, and one that is moved meanwhile is judged by where it is now.
func TestSecurityDeclaringSeesNoMore(t *testing.T) {
	s := newStage(t, declarers)
	given := false
	look := func(now map[string]any) (map[string]any, error) {
		if now == nil {
			return nil, model.ErrNotFound
		}
		given = true
		return now, nil
	}
	for _, who := range []string{"blind", "maker"} {
		_, _ = s.as(who).Declare(t.Context(), frontend, look)
	}
	_, _ = s.as("changer").Declare(t.Context(), payments, look)
	s.sample.Edit(frontend, func(d *view.Detail) {
		spec, _ := d.Raw["spec"].(map[string]any)
		spec = maps.Clone(spec)
		spec["project"] = "payments" // what the list of apps has not heard of
		d.Raw = map[string]any{"metadata": d.Raw["metadata"], "spec": spec}
	})
	if _, err := s.as("changer").Declare(t.Context(), frontend, look); !errors.Is(err, model.ErrNotFound) || given {
		t.Errorf("it was shown: %t, %v", given, err)
	}
}

// TestDeclaringInTrail says what is in the trail: a change before it is made, and not one
// that changes nothing.
func TestDeclaringInTrail(t *testing.T) {
	s := newStage(t, declarers)
	fresh := viewtest.Key(view.KindApplication, "team-web", "fresh")
	_, _ = s.as("both").Declare(t.Context(), fresh, inProject("shop", true))
	_, _ = s.as("both").Declare(t.Context(), frontend, inProject("payments", false))
	_, _ = s.as("both").Declare(t.Context(), frontend, func(now map[string]any) (map[string]any, error) { return now, errIfNone(now) })
	_, _ = s.as("maker").Declare(t.Context(), fresh, inProject("shop", true))
	_, _ = s.as("maker").Declare(t.Context(), nowhere, inProject("payments", true))
	_, _ = s.as("changer").Declare(t.Context(), nowhere, inProject("shop", false))
	s.sample.Fail("Declare", errors.New("the API server is away"))
	_, _ = s.as("both").Declare(t.Context(), fresh, inProject("shop", false))
	s.wantTrail(t,
		"both create applications/shop/team-web/fresh allowed",
		"both update applications/shop/shop-frontend allowed | to project payments",
		"maker update applications/shop/team-web/fresh denied | without applications, get, shop/team-web/fresh",
		"maker create applications/payments/nowhere denied | without applications, create, payments/nowhere",
		"changer update applications/argocd/nowhere denied | there is no such app",
	)
}

func errIfNone(now map[string]any) error {
	if now == nil {
		return model.ErrNotFound
	}
	return nil
}

// TestSecurityNothingIsDeclaredUnnoted: without a trail nothing is written.
func TestSecurityNothingIsDeclaredUnnoted(t *testing.T) {
	s := newStage(t, declarers)
	s.broken = errors.New("the disk is full")
	_, err := s.as("both").Declare(t.Context(), frontend, inProject("shop", false))
	if !errors.Is(err, model.ErrTransient) || len(s.sample.Deeds()) > 0 {
		t.Errorf("got %v, done: %v", err, s.sample.Deeds())
	}
}
