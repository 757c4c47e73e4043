//! The way of a request: who asks, whether a fault meets it, whether it may, and what it does.

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
};
use serde_json::{Value, json};

use crate::{
    access::Question,
    admin,
    body::{Answer, Cut},
    clock, discovery,
    failure::{Failure, Result},
    list::{self, Selection},
    object::Key,
    query::Query,
    requests,
    resource::Resource,
    route::{self, Call, Target},
    verbs,
    view::View,
    watch,
    world::Shared,
};

/// What a real server takes at most.
const BODY_MAX: usize = 3 * 1024 * 1024;

/// What a request brings, beside what it asks for.
pub(crate) struct Asked {
    pub(crate) query: Query,
    pub(crate) view: View,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
    pub(crate) user: &'static str,
}

/// A status and a body.
pub(crate) type Reply = (u16, Answer);

/// Answers a request. An error cuts the connection.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> std::result::Result<Response<Answer>, Cut> {
    let arrived_ns = clock::nanos();
    let (head, body) = request.into_parts();
    let header =
        |name: header::HeaderName| head.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let text = |name| header(name).to_owned();
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let (path_user, path) = route::path_user(head.uri.path());
    let body = Limited::new(body, BODY_MAX).collect().await.map(http_body_util::Collected::to_bytes);
    if path.starts_with("/kubesim") {
        return Ok(admin::answer(&shared, &head.method, path, &query));
    }
    let routed = route::route(&head.method, path, query.flag("watch"));
    let (verb, resource, namespace, name) = match &routed {
        Ok(call) => (call.verb, call.resource(), call.namespace.clone(), call.name.clone()),
        Err(_) => ("", String::new(), String::new(), String::new()),
    };
    let verdict = {
        let mut world = shared.lock();
        let world = &mut *world;
        world.faults.judge(&mut world.rng, verb, &resource, &name)
    };
    let reply = if verdict.cut {
        Err(None)
    } else {
        let work = async {
            let call = routed?;
            let _passage = if call.verb == "watch" { None } else { Some(shared.gate.enter(call.changes())?) };
            tokio::time::sleep(verdict.delay).await;
            let creates = call.verb == "create" && call.target == Target::Object(Resource::Pods);
            // What is refused takes no turn from those that wait.
            shared.gate.wait(creates && verdict.refuse.is_none()).await;
            if let Some((status, retry_after)) = verdict.refuse {
                return Err(Failure::injected(status, retry_after));
            }
            let authorization = head.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
            let user =
                shared.lock().access.user(authorization, path_user).ok_or_else(Failure::unauthorized)?;
            let view =
                View::accepted(header(header::ACCEPT), query.get("includeObject")).ok_or_else(|| {
                    Failure::new(
                        406,
                        "NotAcceptable",
                        "only the following media types are accepted: application/json",
                    )
                })?;
            let body = body.map_err(|_| {
                Failure::new(
                    413,
                    "RequestEntityTooLarge",
                    format!("Request entity too large: limit is {BODY_MAX}"),
                )
            })?;
            let content_type = text(header::CONTENT_TYPE);
            let asked = Asked { query: query.clone(), view, content_type, body, user };
            act(&shared, path, &call, &asked)
        };
        work.await.map_err(Some)
    };
    let reply = if verdict.lose { Err(None) } else { reply };
    let status = match &reply {
        Ok((status, _)) => *status,
        Err(Some(failure)) => failure.code,
        Err(None) => 0,
    };
    shared.lock().requests.note(requests::Request {
        verb: verb.to_owned(),
        resource,
        namespace,
        name,
        method: head.method.to_string(),
        path: head.uri.to_string(),
        user_agent: text(header::USER_AGENT),
        arrived_ns,
        status,
    });
    match reply {
        Ok((status, answer)) => Ok(respond(status, answer, "application/json")),
        Err(Some(failure)) => Ok(refuse(&failure)),
        Err(None) => Err(Cut::other("cut on command")),
    }
}

/// An answer with its head.
pub(crate) fn respond(status: u16, answer: Answer, content_type: &'static str) -> Response<Answer> {
    let mut response = Response::new(answer);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

fn refuse(failure: &Failure) -> Response<Answer> {
    let mut response = if failure.plain {
        respond(failure.code, Answer::whole(failure.message().to_owned()), "text/plain; charset=utf-8")
    } else {
        respond(failure.code, Answer::whole(failure.status().to_string()), "application/json")
    };
    if let Some(seconds) = failure.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Does what is asked for.
fn act(shared: &Arc<Shared>, path: &str, call: &Call, asked: &Asked) -> Result<Reply> {
    let resource = match call.target {
        Target::Plain => return plain(path),
        Target::AccessReview | Target::RulesReview => return review(shared, call.target, asked),
        Target::Object(resource) => resource,
    };
    let target = call.resource();
    // A namespace itself is asked about inside itself, as a real server has it.
    let namespace = if resource == Resource::Namespaces { &call.name } else { &call.namespace };
    let question = Question { verb: call.verb, group: "", resource: &target, namespace, name: &call.name };
    if !shared.lock().access.allows(asked.user, &question) {
        return Err(Failure::denied(asked.user, call.verb, &target, "", namespace, &call.name));
    }
    let scope = (!call.namespace.is_empty()).then_some(call.namespace.as_str());
    match call.verb {
        "watch" => {
            let mut selection = Selection::new(resource, scope, &asked.query)?;
            if !call.name.is_empty() {
                selection.only(&call.name);
            }
            Ok((200, watch::start(shared, resource, selection, asked.view, &asked.query)?))
        }
        "list" => {
            let selection = Selection::new(resource, scope, &asked.query)?;
            // The lock is not held while the answer is put together.
            let listed = list::list(&shared.lock(), resource, &selection, &asked.query)?;
            Ok((200, asked.view.list(resource, &listed.objects, &listed.metadata)))
        }
        "get" => {
            let key = Key::new(&call.namespace, &call.name);
            let found = shared.lock().store.get(resource, &key).cloned();
            let object = found.ok_or_else(|| Failure::not_found(resource, &call.name))?;
            Ok((200, verbs::shown(asked.view, &object)))
        }
        _ => verbs::change(shared, resource, call, asked),
    }
}

fn plain(path: &str) -> Result<Reply> {
    match path.trim_end_matches('/') {
        "/healthz" | "/livez" | "/readyz" => Ok((200, Answer::whole("ok"))),
        path => {
            let answer = discovery::answer(path).ok_or_else(Failure::no_such_path)?;
            Ok((200, Answer::whole(answer.to_string())))
        }
    }
}

/// What may I? Everybody may ask that.
fn review(shared: &Arc<Shared>, target: Target, asked: &Asked) -> Result<Reply> {
    let mut review = verbs::parse(asked)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let world = shared.lock();
    let status = if target == Target::AccessReview {
        let wanted = &review["spec"]["resourceAttributes"];
        let mut resource = text(&wanted["resource"]);
        if let Some(subresource) = wanted["subresource"].as_str().filter(|sub| !sub.is_empty()) {
            resource = format!("{resource}/{subresource}");
        }
        let (verb, group) = (text(&wanted["verb"]), text(&wanted["group"]));
        let (namespace, name) = (text(&wanted["namespace"]), text(&wanted["name"]));
        let question =
            Question { verb: &verb, group: &group, resource: &resource, namespace: &namespace, name: &name };
        let allowed = wanted.is_null() || world.access.allows(asked.user, &question);
        json!({"allowed": allowed, "reason": if allowed { "kubesim: allowed" } else { "" }})
    } else {
        world.access.review(asked.user, &text(&review["spec"]["namespace"]))
    };
    review["status"] = status;
    Ok((201, Answer::whole(review.to_string())))
}
