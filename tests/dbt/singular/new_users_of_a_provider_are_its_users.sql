with

expected as (

    select
        provider,
        count(*) as users
    from {{ ref('users') }}
    group by provider

),

shown as (

    select
        provider,
        sum(new_users) as users
    from {{ ref('provider_figures') }}
    group by provider

)

select
    coalesce(expected.provider, shown.provider) as provider,
    expected.users as expected_users,
    shown.users
from expected
full outer join shown
    on expected.provider = shown.provider
where coalesce(expected.users, 0) <> coalesce(shown.users, 0)
