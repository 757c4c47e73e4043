//! What a method and a path ask for.

use hyper::Method;

use crate::{
    failure::{Failure, Result},
    query,
    resource::Resource,
};

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Object(Resource),
    AccessReview,
    RulesReview,
    /// Discovery and health.
    Plain,
}

/// A request, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) verb: &'static str,
    pub(crate) target: Target,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) subresource: String,
}

impl Call {
    /// The resource with its subresource, as rules and books name it.
    pub(crate) fn resource(&self) -> String {
        let plural = match self.target {
            Target::Object(resource) => resource.plural(),
            Target::AccessReview => "selfsubjectaccessreviews",
            Target::RulesReview => "selfsubjectrulesreviews",
            Target::Plain => "",
        };
        if self.subresource.is_empty() { plural.to_owned() } else { format!("{plural}/{}", self.subresource) }
    }

    pub(crate) fn changes(&self) -> bool {
        matches!(self.verb, "create" | "update" | "patch" | "delete" | "deletecollection")
    }
}

/// Takes `/as/USER` off a path.
pub(crate) fn path_user(path: &str) -> (Option<&str>, &str) {
    match path.strip_prefix("/as/").and_then(|rest| rest.split_once('/')) {
        Some((user, _)) => (Some(user), &path["/as/".len() + user.len()..]),
        None => (None, path),
    }
}

/// Understands a request.
pub(crate) fn route(method: &Method, path: &str, watch: bool) -> Result<Call> {
    let parts: Vec<String> =
        path.split('/').filter(|part| !part.is_empty()).map(|part| query::decode(part, false)).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let call = |target, namespace: &str, name: &str, subresource: &str| -> Result<Call> {
        let verb = verb(method, target, name, subresource, watch)?;
        let own = |text: &str| text.to_owned();
        Ok(Call { verb, target, namespace: own(namespace), name: own(name), subresource: own(subresource) })
    };
    let object = |plural: &str, namespace: &str, name: &str, subresource: &str| {
        let resource = Resource::from_plural(plural).ok_or_else(Failure::no_such_path)?;
        if resource.namespaced() == namespace.is_empty() && !(namespace.is_empty() && name.is_empty()) {
            return Err(Failure::no_such_path());
        }
        let known = match subresource {
            "" => true,
            "status" => resource.info().status,
            "finalize" => resource == Resource::Namespaces,
            "binding" | "eviction" => resource == Resource::Pods,
            _ => false,
        };
        if known {
            call(Target::Object(resource), namespace, name, subresource)
        } else {
            Err(Failure::no_such_path())
        }
    };
    match parts.as_slice() {
        ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => {
            call(Target::AccessReview, "", "", "")
        }
        ["apis", "authorization.k8s.io", "v1", "selfsubjectrulesreviews"] => {
            call(Target::RulesReview, "", "", "")
        }
        ["api", "v1", "namespaces", name] => object("namespaces", "", name, ""),
        ["api", "v1", "namespaces", name, sub @ ("status" | "finalize")] => {
            object("namespaces", "", name, sub)
        }
        ["api", "v1", "namespaces", ns, plural] => object(plural, ns, "", ""),
        ["api", "v1", "namespaces", ns, plural, name] => object(plural, ns, name, ""),
        ["api", "v1", "namespaces", ns, plural, name, sub] => object(plural, ns, name, sub),
        ["api", "v1", plural] => object(plural, "", "", ""),
        ["api", "v1", plural, name] => object(plural, "", name, ""),
        ["api", "v1", plural, name, sub] => object(plural, "", name, sub),
        _ if method != Method::GET => Err(Failure::method_not_allowed()),
        _ => Ok(Call {
            verb: "get",
            target: Target::Plain,
            namespace: String::new(),
            name: String::new(),
            subresource: String::new(),
        }),
    }
}

fn verb(method: &Method, target: Target, name: &str, subresource: &str, watch: bool) -> Result<&'static str> {
    let only_create = matches!(subresource, "binding" | "eviction") || !matches!(target, Target::Object(_));
    Ok(match (method, name.is_empty()) {
        (&Method::POST, _) if only_create => "create",
        _ if only_create => return Err(Failure::method_not_allowed()),
        (&Method::GET, _) if watch => "watch",
        (&Method::GET, true) => "list",
        (&Method::GET, false) => "get",
        (&Method::POST, true) => "create",
        (&Method::PUT, false) => "update",
        (&Method::PATCH, false) => "patch",
        (&Method::DELETE, false) if subresource.is_empty() => "delete",
        (&Method::DELETE, true) => "deletecollection",
        _ => return Err(Failure::method_not_allowed()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_understood() {
        use Target::Object;
        for (method, path, watch, expected) in [
            (Method::GET, "/api/v1/pods", false, Some(("list", Object(Resource::Pods), "", "", ""))),
            (Method::GET, "/api/v1/pods", true, Some(("watch", Object(Resource::Pods), "", "", ""))),
            (
                Method::GET,
                "/api/v1/namespaces/n/pods/a",
                false,
                Some(("get", Object(Resource::Pods), "n", "a", "")),
            ),
            (
                Method::PUT,
                "/api/v1/namespaces/n/pods/a/status",
                false,
                Some(("update", Object(Resource::Pods), "n", "a", "status")),
            ),
            (
                Method::DELETE,
                "/api/v1/namespaces/n/pods",
                false,
                Some(("deletecollection", Object(Resource::Pods), "n", "", "")),
            ),
            (
                Method::GET,
                "/api/v1/namespaces/n",
                false,
                Some(("get", Object(Resource::Namespaces), "", "n", "")),
            ),
            (Method::PATCH, "/api/v1/nodes/x", false, Some(("patch", Object(Resource::Nodes), "", "x", ""))),
            (Method::POST, "/api/v1/namespaces/n/pods/a", false, None),
            (Method::GET, "/api/v1/pods/a", false, None),
            (Method::GET, "/api/v1/things", false, None),
            (Method::HEAD, "/api/v1/pods", false, None),
        ] {
            let found = route(&method, path, watch).ok();
            let found = found
                .as_ref()
                .map(|c| (c.verb, c.target, c.namespace.as_str(), c.name.as_str(), c.subresource.as_str()));
            assert_eq!(found, expected, "{method} {path}");
        }
        assert_eq!(path_user("/as/me/api/v1"), (Some("me"), "/api/v1"));
        assert_eq!(path_user("/api/v1"), (None, "/api/v1"));
    }
}
