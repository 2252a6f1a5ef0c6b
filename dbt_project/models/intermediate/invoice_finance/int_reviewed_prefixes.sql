with

financiers as (

    select * from {{ ref('int_reviewed_names') }}
    where certainty in ('certain', 'possible')

),

beginnings as (

    select
        {{ without_legal_form('normalised_name') }} as name_prefix,
        provider,
        provider_type
    from financiers

    union all

    select
        {{ without_legal_form(normalised_name('provider')) }} as name_prefix,
        provider,
        provider_type
    from financiers

),

by_provider_type as (

    select
        name_prefix,
        provider,
        provider_type,
        row_number() over (
            partition by name_prefix, provider
            order by count(*) desc, provider_type asc
        ) as provider_type_rank
    from beginnings
    where name_prefix <> ''
    group by name_prefix, provider, provider_type

),

final as (

    select
        name_prefix,
        provider,
        provider_type,
        {{ first_word('name_prefix') }} as first_word
    from by_provider_type
    where provider_type_rank = 1

)

select * from final
