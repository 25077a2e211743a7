package argo

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// ProjectToken is a token of a project's role, as an AppProject lists it.
type ProjectToken struct {
	// ID is "" of the oldest tokens.
	ID string
	// IssuedAt and ExpiresAt are seconds since 1970; ExpiresAt 0 is never.
	IssuedAt, ExpiresAt int64
}

// ProjectTokens are those of a role of an AppProject, each once: Argo CD lists them in the
// role, at jwtTokens, and again in the status, at jwtTokensByRole. It takes those that are
// in either.
func ProjectTokens(project, role map[string]any) []ProjectToken {
	name, _, _ := unstructured.NestedString(role, "name")
	listed, _, _ := unstructured.NestedSlice(role, "jwtTokens")
	again, _, _ := unstructured.NestedSlice(project, "status", "jwtTokensByRole", name, "items")
	var out []ProjectToken
	for _, raw := range append(listed, again...) {
		from, _ := raw.(map[string]any)
		var t ProjectToken
		t.ID, _, _ = unstructured.NestedString(from, "id")
		t.IssuedAt, _, _ = unstructured.NestedInt64(from, "iat")
		t.ExpiresAt, _, _ = unstructured.NestedInt64(from, "exp")
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// AddProjectToken lists a token in a role of an AppProject, which is changed.
func AddProjectToken(project map[string]any, role string, t ProjectToken) error {
	return changeRole(project, role, func(to map[string]any) error {
		if slices.ContainsFunc(ProjectTokens(project, to), func(has ProjectToken) bool { return has.ID == t.ID }) {
			return model.Invalidf("the role has a token %q already", t.ID)
		}
		entry := map[string]any{"id": t.ID, "iat": t.IssuedAt}
		if t.ExpiresAt != 0 {
			entry["exp"] = t.ExpiresAt
		}
		listed, _, _ := unstructured.NestedSlice(to, "jwtTokens")
		to["jwtTokens"] = append(listed, entry)
		return nil
	})
}

// RemoveProjectToken takes a token off the role of an AppProject that lists it, and off
// its status. One that is not listed is model.ErrNotFound.
func RemoveProjectToken(project map[string]any, role, id string) error {
	return changeRole(project, role, func(from map[string]any) error {
		removed := dropToken(from, id, "jwtTokens")
		if dropToken(project, id, "status", "jwtTokensByRole", role, "items") || removed {
			return nil
		}
		return model.As(model.ErrNotFound, fmt.Errorf("the role has no token %q", id))
	})
}

// changeRole changes a role of an AppProject; one that is not there is model.ErrNotFound.
func changeRole(project map[string]any, name string, change func(map[string]any) error) error {
	roles, _, _ := unstructured.NestedSlice(project, "spec", "roles")
	for _, raw := range roles {
		role, _ := raw.(map[string]any)
		if role["name"] != name {
			continue
		}
		if err := change(role); err != nil {
			return err
		}
		return unstructured.SetNestedSlice(project, roles, "spec", "roles")
	}
	return model.As(model.ErrNotFound, fmt.Errorf("the AppProject has no role %q: add it to spec.roles", name))
}

// dropToken takes a token off a list, and reports whether it was there.
func dropToken(from map[string]any, id string, path ...string) bool {
	listed, _, _ := unstructured.NestedSlice(from, path...)
	left := slices.DeleteFunc(slices.Clone(listed), func(raw any) bool {
		t, _ := raw.(map[string]any)
		return t["id"] == id
	})
	if len(left) == len(listed) {
		return false
	}
	return unstructured.SetNestedSlice(from, left, path...) == nil
}
