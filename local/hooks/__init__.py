"""Every change of MiniStack's behaviour, with its reason.

Each hook is one function that replaces names of MiniStack's modules. Its docstring states what MiniStack does
without it, and what AWS does. Each has a contract test in ``tests/local``, so that an upgrade of MiniStack
breaks a test and not a user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.hooks import (
    alarms,
    assumed_roles,
    callers,
    configuration,
    credentials,
    events,
    executions,
    functions,
    gateway,
    glue,
    origins,
    registry,
    service,
    sizes,
    step_functions,
    storage,
    task_tokens,
    templates,
    web_identity,
)

if TYPE_CHECKING:
    from local.api_gateway.issuer import Issuer
    from local.forks import ForkServer
    from local.sagemaker.context import Context


def install(context: Context, issuer: Issuer, server: ForkServer) -> None:
    """Install every hook; call once, before the first request.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    issuer : Issuer
        Issuer of the tokens that the deployed API accepts.
    server : ForkServer
        Forks the worker processes of functions.
    """
    _know_callers()
    origins.leave_reading_to_the_configuration()
    origins.hide_the_emulators_own_endpoints()
    service.add_sagemaker(context)
    service.add_application_auto_scaling(context)
    templates.add_sagemaker_types(context)
    templates.keep_exports_in_use()
    templates.refuse_taken_names()
    registry.authorise_repositories_by_name()
    registry.give_configurations_of_images(context)
    alarms.authorise_looks_on_all_alarms()
    step_functions.act_with_the_machines_role()
    step_functions.require_the_roles_permissions(context)
    glue.run_jobs(context)
    executions.end_executions_that_time_out()
    executions.limit_histories_and_data()
    step_functions.stop_jobs_that_time_out()
    task_tokens.wait_as_long_as_the_input_says()
    task_tokens.fail_steps_whose_function_fails()
    task_tokens.refuse_tokens_of_stopped_executions()
    task_tokens.require_permission_on_the_machine()
    executions.keep_aborted_executions_aborted()
    events.require_target_permissions()
    events.require_topic_subscriptions_permission()
    events.require_alarm_permission()
    gateway.require_function_permission()
    callers.check_signatures()
    callers.check_tokens(issuer)
    callers.read_cors_of_templates()
    callers.throttle_routes()
    gateway.tell_callers_nothing_of_a_failure()
    gateway.give_apis_every_path()
    storage.redirect_from_hosts_of_other_regions()
    storage.name_versions_in_events()
    storage.hide_missing_objects_from_those_who_may_not_list()
    configuration.require_tracing_permission()
    configuration.require_log_delivery_permissions()
    functions.poll_queues_with_the_functions_role()
    functions.log_with_the_functions_role()
    functions.leave_layers_to_the_virtual_environment()
    functions.fork_workers(server)
    functions.unpack_code_once(context.settings.scratch / "functions")
    functions.name_errors_by_their_type()
    functions.limit_payloads()
    functions.scale_to_zero(context.settings.cold_starts)
    functions.let_invocations_end_before_their_worker_goes()
    _limit()


def _know_callers() -> None:
    """Install what is asked of the credentials of every caller, and how they come by them."""
    credentials.check_everybodys_signature()
    credentials.give_functions_keys_that_nobody_can_guess()
    assumed_roles.let_a_trust_policy_suffice()
    assumed_roles.limit_sessions()
    assumed_roles.remember_ended_sessions()
    web_identity.know_the_claims_of_github()
    web_identity.refuse_sessions_that_are_too_long()


def _limit() -> None:
    """Install what AWS counts and measures; each wraps what the other hooks have put in place."""
    sizes.limit_policies_of_roles()
    sizes.limit_policies_of_functions()
    sizes.limit_environments_of_functions()
    sizes.limit_definitions_of_state_machines()
    functions.require_queues_to_hide_messages_long_enough()
    storage.refuse_small_parts()
    glue.limit_runs_at_once()
    gateway.limit_requests()
