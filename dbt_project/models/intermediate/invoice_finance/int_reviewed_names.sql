with

person_entitled_adjusted as (

    select * from {{ ref('person_entitled_adjusted') }}

),

normalised as (

    select
        {{ normalised_name('person_entitled') }} as normalised_name,
        provider,
        provider_type,
        certainty,
        case certainty when 'certain' then 1 when 'possible' then 2 else 3 end as certainty_rank
    from person_entitled_adjusted

),

-- several spellings of one name come down to one row; the most certain of them counts
ranked as (

    select
        normalised.*,
        row_number() over (
            partition by normalised_name
            order by certainty_rank, provider, provider_type
        ) as spelling_rank
    from normalised
    where normalised_name <> ''

),

final as (

    select
        normalised_name,
        provider,
        provider_type,
        certainty
    from ranked
    where spelling_rank = 1

)

select * from final
