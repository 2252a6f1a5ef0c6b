with

observations as (

    select * from {{ ref('int_observation_statuses') }}

),

final as (

    select
        company_number,
        accounts_date,
        observed_on,
        status,
        first_charge_date
    from observations

)

select * from final
